# What people read on soa-link's pages, in Norwegian Bokmål. en.ftl is the source; see there for what each text is for.

## On every page

back = Tilbake til { $brand }
help = Få hjelp
request-id = Forespørsels-ID:
tell-support = Hvis det skjer igjen, kan du oppgi forespørsels-ID-en nedenfor til kundestøtten.
identity = Du er logget inn hos { $brand }.
    .named = Logget inn hos { $brand } som { $name }.
    .not-you = Ikke deg?

## Signing in

signed-out = Logg inn først
    .text = Du er ikke logget inn hos { $brand } i denne nettleseren. Logg inn der, og kom deretter tilbake til denne siden.
session-rejected = Logg inn på nytt
    .text = Innloggingen din hos { $brand } har utløpt eller kan ikke brukes her. Logg inn der på nytt, og kom deretter tilbake til denne siden.
sign-in = Logg inn
sign-in-refused = Logg inn på nytt
    .text = Innloggingen din har utløpt, er allerede brukt eller ble startet i en annen nettleser. Ingenting er endret.
    .step = Logg inn på nytt
sign-in-impossible = Innlogging fungerer ikke her
    .text = { $brand } sendte deg hit med en innlogging som vi ikke kan godta. Det er ikke din feil, og det hjelper trolig ikke å prøve igjen. Ingenting er endret.
sign-in-cancelled = Du logget ikke inn
    .text = Du avbrøt før du hadde logget inn, så ingenting er endret. Du kan logge inn når som helst.
    .step = Logg inn
sign-in-unavailable = Innlogging fungerer ikke akkurat nå
    .text = Vi fikk ikke kontakt med tjenesten som bekrefter innloggingen din. Det er ikke din feil, og det går vanligvis over i løpet av noen minutter. Ingenting er endret.
    .step = Prøv igjen
visit-ended = Du er logget ut av denne siden
    .text = Denne nettleseren viser ikke lenger tilkoblingen din til Spotify. Selve tilkoblingen er ikke endret. Hvis du er logget inn hos { $brand }, bør du logge ut der også.

## Connecting

cancelled = Ikke tilkoblet
    .text = Du valgte å ikke koble kontoen din til Spotify, så ingenting er endret. Du kan gjøre det når som helst.
    .step = Koble til Spotify
expired = Start på nytt
    .text = Denne siden var åpen for lenge, er allerede brukt eller ble startet i en annen nettleser. Ingenting er endret.
    .step = Start på nytt
session-changed = Innloggingen din er endret
    .text = Innloggingen din hos { $brand } ble avsluttet eller endret etter at du begynte her, så vi har ikke gjort noe. Start på nytt med kontoen du vil bruke.
    .step = Start på nytt
used-before = Kontoen din kan allerede være tilkoblet
    .text = Dette trinnet er allerede utført, så det ble ikke utført på nytt. Hvis det var deg, kan kontoen din hos { $brand } allerede være koblet til Spotify.
    .step = Se tilkoblingen
    .again = Start på nytt
could-not-link = Spotify kunne ikke koble til kontoen din
    .text = Mest sannsynlig er Spotify-kontoen du valgte, allerede koblet til en annen konto hos { $brand }.
    .other-account = Velg en annen Spotify-konto
    .other-account-text = Spotify spør deg på nytt og viser hvilken konto du bruker der.
    .remedies = Hvis det ikke hjelper
    .content-access = Se tilkoblingene dine hos Spotify
    .content-access-text = Åpnes i en ny fane. Logg inn der med Spotify-kontoen du vil bruke, og fjern tilkoblingen til { $brand }. Kom deretter tilbake til denne siden, og velg Spotify-kontoen din på nytt.
    .unlink = Koble fra den forrige Spotify-kontoen
    .unlink-text = Hvis kontoen din hos { $brand } er koblet til en annen Spotify-konto, kan du koble fra den her og deretter koble til den riktige.
no-entitlements = Det er ingenting å låse opp ennå
    .text = Kontoen din hos { $brand } har ikke noe abonnement som kan høres på Spotify. Når du har et slikt abonnement, kan du komme tilbake og koble til kontoen.
    .step = Se abonnementer
consent-failed = Spotify meldte om en feil
    .text = Spotify ba deg ikke om samtykke, men meldte om en feil. Det er ikke din feil, og det hjelper trolig ikke å prøve igjen. Ingenting er endret.
    .step = Prøv igjen

## Trouble

spotify-unavailable = Spotify fungerer ikke akkurat nå
    .text = Spotify svarte ikke eller meldte om et problem, så dette er kanskje ikke gjort ennå. Det er ikke din feil, og det går vanligvis over i løpet av noen minutter.
    .step = Prøv igjen
unavailable = Et øyeblikk
    .text = Vi kunne ikke gjøre dette akkurat nå. Prøv igjen om et minutt.
    .step = Prøv igjen
internal-error = Noe gikk galt
    .text = Det er vår feil, ikke din. Prøv igjen senere.
    .step = Prøv igjen
not-found = Her er det ingenting
    .text = Denne siden finnes ikke.
malformed = Denne lenken fungerer ikke
    .text = Noe i adressen mangler eller ble endret underveis.
    .step = Start på nytt

## Disconnecting

unlink = Koble fra Spotify?
    .text = Spotify vil ikke lenger spille av det som kontoen din hos { $brand } låser opp. Kontoen din hos { $brand } forblir som den er.
    .step = Koble fra
    .keep = Behold tilkoblingen
unlink-to-relink = Koble fra den forrige Spotify-kontoen?
    .text = Spotify-kontoen som er tilkoblet nå, vil ikke lenger spille av det som kontoen din hos { $brand } låser opp. Deretter kobler du til den riktige. Kontoen din hos { $brand } forblir som den er.
form-refused = Åpne siden på nytt
    .text = Dette skjemaet er allerede brukt, er for gammelt eller kom ikke fra siden vår. Ingenting er endret.
    .step = Åpne siden på nytt
unlinked = Koblet fra Spotify
    .text = Kontoen din hos { $brand } er ikke lenger koblet til Spotify. Du kan koble den til igjen når som helst.
    .again = Koble til Spotify igjen
unlinked-to-relink = Koble nå til den riktige Spotify-kontoen
    .text = Den forrige Spotify-kontoen er koblet fra. Spotify spør deg på nytt og viser hvilken konto du bruker der.
    .step = Velg en Spotify-konto

## The account page

account = Tilkoblingen din til Spotify
    .reference = Kontoreferanse:
    .linked = Tilkoblet
    .linked-text = Spotify har nettopp bekreftet at kontoen din hos { $brand } er tilkoblet.
    .since = Tilkoblet siden { $month ->
        [month-1] { $day }. januar { $year }
        [month-2] { $day }. februar { $year }
        [month-3] { $day }. mars { $year }
        [month-4] { $day }. april { $year }
        [month-5] { $day }. mai { $year }
        [month-6] { $day }. juni { $year }
        [month-7] { $day }. juli { $year }
        [month-8] { $day }. august { $year }
        [month-9] { $day }. september { $year }
        [month-10] { $day }. oktober { $year }
        [month-11] { $day }. november { $year }
       *[month-12] { $day }. desember { $year }
    }
    .not-linked = Ikke tilkoblet
    .not-linked-text = Spotify har nettopp meldt at kontoen din hos { $brand } ikke er tilkoblet.
    .unknown = Ukjent akkurat nå
    .unknown-text = Det var ikke mulig å spørre Spotify om kontoen din er tilkoblet. Se etter på nytt om noen minutter.
    .pending = En endring i abonnementet ditt er fortsatt på vei til Spotify. Den kommer vanligvis fram i løpet av noen minutter.
    .unlocked = Låst opp på Spotify
    .unlocked-nothing = Kontoen din hos { $brand } låser ikke opp noe på Spotify nå.
    .shows = Podkaster
    .listen = Lytt til { $show } på Spotify
    .listen-short = Lytt
    .included-in = Inkludert i
    .connect = Koble til Spotify
    .disconnect = Koble fra Spotify
