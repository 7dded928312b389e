# What people read on soa-link's pages, in Danish. en.ftl is the source; see there for what each text is for.

## On every page

back = Tilbage til { $brand }
help = Få hjælp
request-id = Anmodnings-id:
tell-support = Hvis det sker igen, så oplys anmodnings-id’et nedenfor til supporten.
identity = Du er logget ind hos { $brand }.
    .named = Logget ind hos { $brand } som { $name }.
    .not-you = Er det ikke dig?

## Signing in

signed-out = Log ind først
    .text = Du er ikke logget ind hos { $brand } i denne browser. Log ind der, og vend så tilbage til denne side.
session-rejected = Log ind igen
    .text = Dit login hos { $brand } er udløbet eller kan ikke bruges her. Log ind der igen, og vend så tilbage til denne side.
sign-in = Log ind
sign-in-refused = Log ind igen
    .text = Dit login er udløbet, er allerede brugt eller blev påbegyndt i en anden browser. Der er ikke ændret noget.
    .step = Log ind igen
sign-in-impossible = Login virker ikke her
    .text = { $brand } sendte dig hertil med et login, som vi ikke kan acceptere. Det er ikke din skyld, og det hjælper sandsynligvis ikke at prøve igen. Der er ikke ændret noget.
sign-in-cancelled = Du loggede ikke ind
    .text = Du gik tilbage, før du var logget ind, så der er ikke ændret noget. Du kan logge ind når som helst.
    .step = Log ind
sign-in-unavailable = Login virker ikke lige nu
    .text = Vi kunne ikke få kontakt med den tjeneste, der bekræfter dit login. Det er ikke din skyld, og det går som regel over i løbet af få minutter. Der er ikke ændret noget.
    .step = Prøv igen
visit-ended = Du er logget ud af denne side
    .text = Denne browser viser ikke længere din forbindelse med Spotify. Selve forbindelsen er ikke ændret. Hvis du er logget ind hos { $brand }, så log også ud der.

## Connecting

cancelled = Ikke forbundet
    .text = Du valgte at lade være med at forbinde din konto med Spotify, så der er ikke ændret noget. Du kan gøre det når som helst.
    .step = Forbind med Spotify
expired = Start forfra
    .text = Denne side var åben for længe, er allerede brugt eller blev påbegyndt i en anden browser. Der er ikke ændret noget.
    .step = Start forfra
session-changed = Dit login har ændret sig
    .text = Dit login hos { $brand } sluttede eller ændrede sig, efter at du begyndte her. Derfor er der ikke ændret noget. Start forfra med den konto, du vil bruge.
    .step = Start forfra
used-before = Din konto er måske allerede forbundet
    .text = Dette trin er allerede udført, så det blev ikke gentaget. Hvis det var dig, er din konto hos { $brand } måske allerede forbundet med Spotify.
    .step = Se din forbindelse
    .again = Start forfra
could-not-link = Spotify kunne ikke forbinde din konto
    .text = Sandsynligvis er den Spotify-konto, du valgte, allerede forbundet med en anden konto hos { $brand }.
    .other-account = Vælg en anden Spotify-konto
    .other-account-text = Spotify spørger dig igen og viser, hvilken konto du bruger der.
    .remedies = Hvis det ikke hjælper
    .content-access = Se dine forbindelser hos Spotify
    .content-access-text = Åbner i en ny fane. Log ind der med den Spotify-konto, du vil bruge, og fjern dens forbindelse med { $brand }. Vend så tilbage til denne side, og vælg din Spotify-konto igen.
    .unlink = Afbryd forbindelsen med den tidligere Spotify-konto
    .unlink-text = Hvis din konto hos { $brand } er forbundet med en anden Spotify-konto, så afbryd den forbindelse her, og forbind derefter den rigtige.
no-entitlements = Der er ikke noget at låse op for endnu
    .text = Din konto hos { $brand } har ikke noget abonnement, der kan høres på Spotify. Når du har et, så kom tilbage og forbind din konto.
    .step = Se abonnementer
consent-failed = Spotify meldte om en fejl
    .text = I stedet for at bede om dit samtykke meldte Spotify om en fejl. Det er ikke din skyld, og det hjælper sandsynligvis ikke at prøve igen. Der er ikke ændret noget.
    .step = Prøv igen

## Trouble

spotify-unavailable = Spotify virker ikke lige nu
    .text = Spotify svarede ikke eller meldte om et problem, så dette er måske ikke gennemført endnu. Det er ikke din skyld, og det går som regel over i løbet af få minutter.
    .step = Prøv igen
unavailable = Et øjeblik
    .text = Vi kunne ikke gøre dette lige nu. Prøv igen om et minut.
    .step = Prøv igen
internal-error = Noget gik galt
    .text = Det er vores skyld, ikke din. Prøv igen senere.
    .step = Prøv igen
not-found = Her er ikke noget
    .text = Denne side findes ikke.
malformed = Dette link virker ikke
    .text = Noget i adressen mangler eller er blevet ændret undervejs.
    .step = Start forfra

## Disconnecting

unlink = Vil du afbryde forbindelsen med Spotify?
    .text = Spotify vil ikke længere afspille det, som din konto hos { $brand } låser op for. Din konto hos { $brand } forbliver, som den er.
    .step = Afbryd forbindelsen
    .keep = Behold forbindelsen
unlink-to-relink = Vil du afbryde forbindelsen med den tidligere Spotify-konto?
    .text = Den Spotify-konto, der er forbundet nu, vil ikke længere afspille det, som din konto hos { $brand } låser op for. Derefter forbinder du den rigtige. Din konto hos { $brand } forbliver, som den er.
form-refused = Åbn siden igen
    .text = Denne formular er allerede brugt, er for gammel eller kom ikke fra vores side. Der er ikke ændret noget.
    .step = Åbn siden igen
unlinked = Forbindelsen med Spotify er afbrudt
    .text = Din konto hos { $brand } er ikke længere forbundet med Spotify. Du kan forbinde den igen når som helst.
    .again = Forbind med Spotify igen
unlinked-to-relink = Forbind nu den rigtige Spotify-konto
    .text = Forbindelsen med den tidligere Spotify-konto er afbrudt. Spotify spørger dig igen og viser, hvilken konto du bruger der.
    .step = Vælg en Spotify-konto

## The account page

account = Din forbindelse med Spotify
    .reference = Kontoreference:
    .linked = Forbundet
    .linked-text = Spotify har netop bekræftet, at din konto hos { $brand } er forbundet.
    .since = Forbundet siden den { $month ->
        [month-1] { $day }. januar { $year }
        [month-2] { $day }. februar { $year }
        [month-3] { $day }. marts { $year }
        [month-4] { $day }. april { $year }
        [month-5] { $day }. maj { $year }
        [month-6] { $day }. juni { $year }
        [month-7] { $day }. juli { $year }
        [month-8] { $day }. august { $year }
        [month-9] { $day }. september { $year }
        [month-10] { $day }. oktober { $year }
        [month-11] { $day }. november { $year }
       *[month-12] { $day }. december { $year }
    }
    .not-linked = Ikke forbundet
    .not-linked-text = Spotify har netop oplyst, at din konto hos { $brand } ikke er forbundet.
    .unknown = Ukendt lige nu
    .unknown-text = Vi kunne ikke spørge Spotify, om din konto er forbundet. Kig igen om et par minutter.
    .pending = En ændring af dit abonnement er stadig på vej til Spotify. Den når som regel frem i løbet af få minutter.
    .unlocked = Låst op på Spotify
    .unlocked-nothing = Din konto hos { $brand } låser ikke op for noget på Spotify lige nu.
    .shows = Podcasts
    .listen = Lyt til { $show } på Spotify
    .listen-short = Lyt
    .included-in = Inkluderet i
    .connect = Forbind med Spotify
    .disconnect = Afbryd forbindelsen med Spotify
