# What people read on soa-link's pages, in Dutch. en.ftl is the source; see there for what each text is for.

## On every page

back = Terug naar { $brand }
help = Hulp krijgen
request-id = Aanvraag-ID:
tell-support = Als dit opnieuw gebeurt, geef dan het aanvraag-ID hieronder door aan de klantenservice.
identity = Je bent ingelogd bij { $brand }.
    .named = Ingelogd bij { $brand } als { $name }.
    .not-you = Ben jij dit niet?

## Signing in

signed-out = Log eerst in
    .text = Je bent in deze browser niet ingelogd bij { $brand }. Log daar in en kom dan terug naar deze pagina.
session-rejected = Log opnieuw in
    .text = Je login bij { $brand } is verlopen of kan hier niet worden gebruikt. Log daar opnieuw in en kom dan terug naar deze pagina.
sign-in = Inloggen
sign-in-refused = Log opnieuw in
    .text = Je login is verlopen, is al eerder gebruikt of is in een andere browser gestart. Er is niets gewijzigd.
    .step = Opnieuw inloggen
sign-in-impossible = Inloggen werkt hier niet
    .text = { $brand } heeft je hierheen gestuurd met een login die we niet kunnen accepteren. Het ligt niet aan jou, en opnieuw proberen helpt waarschijnlijk niet. Er is niets gewijzigd.
sign-in-cancelled = Je hebt niet ingelogd
    .text = Je bent teruggegaan voordat je was ingelogd, dus er is niets gewijzigd. Je kunt op elk moment inloggen.
    .step = Inloggen
sign-in-unavailable = Inloggen werkt nu even niet
    .text = We konden de dienst die je login bevestigt niet bereiken. Het ligt niet aan jou en is meestal binnen een paar minuten voorbij. Er is niets gewijzigd.
    .step = Opnieuw proberen
visit-ended = Je bent uitgelogd van deze pagina
    .text = Deze browser toont je koppeling met Spotify niet meer. De koppeling zelf is niet gewijzigd. Als je bent ingelogd bij { $brand }, log daar dan ook uit.

## Connecting

cancelled = Niet gekoppeld
    .text = Je hebt ervoor gekozen je account niet aan Spotify te koppelen, dus er is niets gewijzigd. Je kunt het op elk moment alsnog doen.
    .step = Koppelen aan Spotify
expired = Begin opnieuw
    .text = Deze pagina stond te lang open, is al eerder gebruikt of is in een andere browser gestart. Er is niets gewijzigd.
    .step = Opnieuw beginnen
session-changed = Je login is gewijzigd
    .text = Je login bij { $brand } is beëindigd of gewijzigd nadat je hier was begonnen. Daarom is er niets aangepast. Begin opnieuw met het account dat je wilt gebruiken.
    .step = Opnieuw beginnen
used-before = Je account is misschien al gekoppeld
    .text = Deze stap is al eerder uitgevoerd en is daarom niet herhaald. Als jij dat was, is je account bij { $brand } misschien al aan Spotify gekoppeld.
    .step = Je koppeling bekijken
    .again = Opnieuw beginnen
could-not-link = Spotify kon je account niet koppelen
    .text = Waarschijnlijk is het Spotify-account dat je hebt gekozen al gekoppeld aan een ander account bij { $brand }.
    .other-account = Ander Spotify-account kiezen
    .other-account-text = Spotify vraagt het je opnieuw en laat zien welk account je daar gebruikt.
    .remedies = Als dat niet helpt
    .content-access = Je koppelingen bij Spotify bekijken
    .content-access-text = Opent in een nieuw tabblad. Log daar in met het Spotify-account dat je wilt gebruiken en verwijder de koppeling van dat account met { $brand }. Kom dan terug naar deze pagina en kies je Spotify-account opnieuw.
    .unlink = Vorig Spotify-account ontkoppelen
    .unlink-text = Als je account bij { $brand } aan een ander Spotify-account is gekoppeld, ontkoppel dat dan hier en koppel daarna het juiste.
no-entitlements = Er valt nog niets te ontgrendelen
    .text = Je account bij { $brand } heeft geen abonnement dat je op Spotify kunt beluisteren. Zodra je er een hebt, kom dan terug en koppel je account.
    .step = Abonnementen bekijken
consent-failed = Spotify heeft een fout gemeld
    .text = In plaats van je toestemming te vragen, heeft Spotify een fout gemeld. Het ligt niet aan jou, en opnieuw proberen helpt waarschijnlijk niet. Er is niets gewijzigd.
    .step = Opnieuw proberen

## Trouble

spotify-unavailable = Spotify werkt nu even niet
    .text = Spotify heeft niet geantwoord of een probleem gemeld, dus dit is misschien nog niet gelukt. Het ligt niet aan jou en is meestal binnen een paar minuten voorbij.
    .step = Opnieuw proberen
unavailable = Een ogenblik geduld
    .text = Dit lukte zojuist niet. Probeer het over een minuut opnieuw.
    .step = Opnieuw proberen
internal-error = Er is iets misgegaan
    .text = Het ligt aan ons, niet aan jou. Probeer het later opnieuw.
    .step = Opnieuw proberen
not-found = Hier is niets
    .text = Deze pagina bestaat niet.
malformed = Deze link werkt niet
    .text = Er ontbreekt iets in het adres of er is onderweg iets in veranderd.
    .step = Opnieuw beginnen

## Disconnecting

unlink = Ontkoppelen van Spotify?
    .text = Spotify speelt dan niet meer af wat je account bij { $brand } ontgrendelt. Je account bij { $brand } blijft zoals het is.
    .step = Ontkoppelen
    .keep = Gekoppeld laten
unlink-to-relink = Vorig Spotify-account ontkoppelen?
    .text = Het Spotify-account dat nu is gekoppeld, speelt dan niet meer af wat je account bij { $brand } ontgrendelt. Daarna koppel je het juiste. Je account bij { $brand } blijft zoals het is.
form-refused = Open de pagina opnieuw
    .text = Dit formulier is al eerder gebruikt, is te oud of kwam niet van onze pagina. Er is niets gewijzigd.
    .step = Pagina opnieuw openen
unlinked = Ontkoppeld van Spotify
    .text = Je account bij { $brand } is niet meer aan Spotify gekoppeld. Je kunt het op elk moment opnieuw koppelen.
    .again = Opnieuw koppelen aan Spotify
unlinked-to-relink = Koppel nu het juiste Spotify-account
    .text = Het vorige Spotify-account is ontkoppeld. Spotify vraagt het je opnieuw en laat zien welk account je daar gebruikt.
    .step = Spotify-account kiezen

## The account page

account = Je koppeling met Spotify
    .reference = Accountreferentie:
    .linked = Gekoppeld
    .linked-text = Spotify heeft zojuist bevestigd dat je account bij { $brand } is gekoppeld.
    .since = Gekoppeld sinds { $month ->
        [month-1] { $day } januari { $year }
        [month-2] { $day } februari { $year }
        [month-3] { $day } maart { $year }
        [month-4] { $day } april { $year }
        [month-5] { $day } mei { $year }
        [month-6] { $day } juni { $year }
        [month-7] { $day } juli { $year }
        [month-8] { $day } augustus { $year }
        [month-9] { $day } september { $year }
        [month-10] { $day } oktober { $year }
        [month-11] { $day } november { $year }
       *[month-12] { $day } december { $year }
    }
    .not-linked = Niet gekoppeld
    .not-linked-text = Spotify heeft zojuist laten weten dat je account bij { $brand } niet is gekoppeld.
    .unknown = Op dit moment niet bekend
    .unknown-text = We konden Spotify niet vragen of je account is gekoppeld. Kijk over een paar minuten nog eens.
    .pending = Een wijziging van je abonnement is nog onderweg naar Spotify. Meestal komt die binnen een paar minuten aan.
    .unlocked = Ontgrendeld op Spotify
    .unlocked-nothing = Je account bij { $brand } ontgrendelt op dit moment niets op Spotify.
    .shows = Podcasts
    .listen = Luisteren naar { $show } op Spotify
    .listen-short = Luisteren
    .included-in = Inbegrepen bij
    .connect = Koppelen aan Spotify
    .disconnect = Ontkoppelen van Spotify
