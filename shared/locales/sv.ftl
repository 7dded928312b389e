# What people read on soa-link's pages, in Swedish. en.ftl is the source; see there for what each text is for.

## On every page

back = Tillbaka till { $brand }
help = Få hjälp
request-id = ID för begäran:
tell-support = Om det händer igen, ge supporten ID:t för begäran här nedanför.
identity = Du är inloggad hos { $brand }.
    .named = Inloggad hos { $brand } som { $name }.
    .not-you = Är det inte du?

## Signing in

signed-out = Logga in först
    .text = Du är inte inloggad hos { $brand } i den här webbläsaren. Logga in där och kom sedan tillbaka till den här sidan.
session-rejected = Logga in igen
    .text = Din inloggning hos { $brand } har gått ut eller kan inte användas här. Logga in där igen och kom sedan tillbaka till den här sidan.
sign-in = Logga in
sign-in-refused = Logga in igen
    .text = Din inloggning har gått ut, har redan använts eller påbörjades i en annan webbläsare. Inget har ändrats.
    .step = Logga in igen
sign-in-impossible = Det går inte att logga in här
    .text = { $brand } skickade dig hit med en inloggning som vi inte kan godta. Det är inte ditt fel, och det hjälper förmodligen inte att försöka igen. Inget har ändrats.
sign-in-cancelled = Du loggade inte in
    .text = Du avbröt innan du hade loggat in, så inget har ändrats. Du kan logga in när du vill.
    .step = Logga in
sign-in-unavailable = Det går inte att logga in just nu
    .text = Vi kunde inte nå tjänsten som bekräftar din inloggning. Det är inte ditt fel, och det brukar gå över inom några minuter. Inget har ändrats.
    .step = Försök igen
visit-ended = Du är utloggad från den här sidan
    .text = Den här webbläsaren visar inte längre din koppling till Spotify. Själva kopplingen har inte ändrats. Om du är inloggad hos { $brand }, logga ut där också.

## Connecting

cancelled = Inte kopplat
    .text = Du valde att inte koppla ditt konto till Spotify, så inget har ändrats. Du kan koppla det när du vill.
    .step = Koppla till Spotify
expired = Börja om
    .text = Den här sidan var öppen för länge, har redan använts eller påbörjades i en annan webbläsare. Inget har ändrats.
    .step = Börja om
session-changed = Din inloggning har ändrats
    .text = Din inloggning hos { $brand } upphörde eller byttes efter att du började här, så inget har ändrats. Börja om med det konto som du vill använda.
    .step = Börja om
used-before = Ditt konto kan redan vara kopplat
    .text = Det här steget har redan gjorts och gjordes därför inte om. Om det var du kan ditt konto hos { $brand } redan vara kopplat till Spotify.
    .step = Se din koppling
    .again = Börja om
could-not-link = Spotify kunde inte koppla ditt konto
    .text = Troligast är att det Spotify-konto som du valde redan är kopplat till ett annat konto hos { $brand }.
    .other-account = Välj ett annat Spotify-konto
    .other-account-text = Spotify frågar dig igen och visar vilket konto du använder där.
    .remedies = Om det inte hjälper
    .content-access = Se dina kopplingar hos Spotify
    .content-access-text = Öppnas i en ny flik. Logga in där med det Spotify-konto som du vill använda och ta bort dess koppling till { $brand }. Kom sedan tillbaka till den här sidan och välj ditt Spotify-konto igen.
    .unlink = Koppla bort det tidigare Spotify-kontot
    .unlink-text = Om ditt konto hos { $brand } är kopplat till ett annat Spotify-konto, koppla bort det kontot här och koppla sedan rätt konto.
no-entitlements = Det finns inget att låsa upp än
    .text = Ditt konto hos { $brand } har ingen prenumeration som kan höras på Spotify. När du har en, kom tillbaka och koppla ditt konto.
    .step = Se prenumerationer
consent-failed = Spotify rapporterade ett fel
    .text = I stället för att be om ditt samtycke rapporterade Spotify ett fel. Det är inte ditt fel, och det hjälper förmodligen inte att försöka igen. Inget har ändrats.
    .step = Försök igen

## Trouble

spotify-unavailable = Spotify fungerar inte just nu
    .text = Spotify svarade inte eller rapporterade ett problem, så det här är kanske inte klart än. Det är inte ditt fel, och det brukar gå över inom några minuter.
    .step = Försök igen
unavailable = Ett ögonblick
    .text = Vi kunde inte göra det här just nu. Försök igen om en minut.
    .step = Försök igen
internal-error = Något gick fel
    .text = Det är vårt fel, inte ditt. Försök igen senare.
    .step = Försök igen
not-found = Här finns inget
    .text = Den här sidan finns inte.
malformed = Den här länken fungerar inte
    .text = Något i adressen saknas eller har ändrats på vägen.
    .step = Börja om

## Disconnecting

unlink = Koppla bort från Spotify?
    .text = Spotify kommer inte längre att spela upp det som ditt konto hos { $brand } låser upp. Ditt konto hos { $brand } förblir som det är.
    .step = Koppla bort
    .keep = Behåll kopplingen
unlink-to-relink = Koppla bort det tidigare Spotify-kontot?
    .text = Det Spotify-konto som är kopplat nu kommer inte längre att spela upp det som ditt konto hos { $brand } låser upp. Sedan kopplar du rätt konto. Ditt konto hos { $brand } förblir som det är.
form-refused = Öppna sidan igen
    .text = Det här formuläret har redan använts, är för gammalt eller kom inte från vår sida. Inget har ändrats.
    .step = Öppna sidan igen
unlinked = Bortkopplat från Spotify
    .text = Ditt konto hos { $brand } är inte längre kopplat till Spotify. Du kan koppla det igen när du vill.
    .again = Koppla till Spotify igen
unlinked-to-relink = Koppla nu rätt Spotify-konto
    .text = Det tidigare Spotify-kontot är bortkopplat. Spotify frågar dig igen och visar vilket konto du använder där.
    .step = Välj ett Spotify-konto

## The account page

account = Din koppling till Spotify
    .reference = Kontoreferens:
    .linked = Kopplat
    .linked-text = Spotify har nyss bekräftat att ditt konto hos { $brand } är kopplat.
    .since = Kopplat sedan den { $month ->
        [month-1] { $day } januari { $year }
        [month-2] { $day } februari { $year }
        [month-3] { $day } mars { $year }
        [month-4] { $day } april { $year }
        [month-5] { $day } maj { $year }
        [month-6] { $day } juni { $year }
        [month-7] { $day } juli { $year }
        [month-8] { $day } augusti { $year }
        [month-9] { $day } september { $year }
        [month-10] { $day } oktober { $year }
        [month-11] { $day } november { $year }
       *[month-12] { $day } december { $year }
    }
    .not-linked = Inte kopplat
    .not-linked-text = Spotify har nyss meddelat att ditt konto hos { $brand } inte är kopplat.
    .unknown = Okänt just nu
    .unknown-text = Det gick inte att fråga Spotify om ditt konto är kopplat. Titta igen om några minuter.
    .pending = En ändring av din prenumeration är fortfarande på väg till Spotify. Den brukar komma fram inom några minuter.
    .unlocked = Upplåst på Spotify
    .unlocked-nothing = Ditt konto hos { $brand } låser inte upp något på Spotify just nu.
    .shows = Poddar
    .listen = Lyssna på { $show } på Spotify
    .listen-short = Lyssna
    .included-in = Ingår i
    .connect = Koppla till Spotify
    .disconnect = Koppla bort från Spotify
