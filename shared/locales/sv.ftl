# What people read on soa-link's pages, in Swedish. en.ftl is the source; see there for what each text is for.

## On every page

back = Tillbaka till { $brand }
help = Få hjälp
request-id = ID för begäran:

## Signing in

signed-out = Logga in först
    .text = Ingen är inloggad hos { $brand } i den här webbläsaren. Logga in där och välj sedan på nytt att koppla ditt konto till Spotify.
sign-in = Logga in
sign-in-refused = Logga in igen
    .text = Din inloggning har gått ut, har redan använts eller påbörjades i en annan webbläsare. Inget har ändrats.
    .step = Logga in igen
sign-in-cancelled = Du loggade inte in
    .text = Du avbröt innan du hade loggat in, så inget har ändrats. Du kan logga in när du vill.
    .step = Logga in
sign-in-unavailable = Det går inte att logga in just nu
    .text = Vi kunde inte nå inloggningstjänsten. Det är inte ditt fel, och det brukar gå över inom några minuter. Inget har ändrats.
    .step = Försök igen

## Linking

cancelled = Inte kopplat
    .text = Du valde att inte koppla ditt konto till Spotify, så inget har ändrats. Du kan koppla det när du vill.
    .step = Koppla till Spotify
expired = Börja om
    .text = Den här sidan var öppen för länge, har redan använts eller påbörjades i en annan webbläsare. Inget har ändrats.
    .step = Börja om
used-before = Ditt konto kan redan vara kopplat
    .text = Det här steget har redan gjorts och gjordes därför inte om. Om det var du kan ditt konto hos { $brand } redan vara kopplat till Spotify.
    .step = Se din koppling
    .again = Börja om
could-not-link = Spotify kunde inte koppla ditt konto
    .text = Spotify godtog inte kopplingen. Så mycket är säkert, men inte orsaken.
    .likely = Troligast är att ett av de två kontona redan är kopplat till ett annat: ditt Spotify-konto till ett annat konto hos { $brand }, eller ditt konto hos { $brand } till ett annat Spotify-konto.
    .remedies = Det här kan du göra, det enklaste först:
    .other-account = Välj ett annat Spotify-konto
    .other-account-text = Spotify frågar dig igen och visar vilket konto du använder där.
    .content-access = Se dina kopplingar hos Spotify
    .content-access-text = Öppnas i en ny flik. Logga in där med det Spotify-konto som du vill använda och ta bort dess koppling till { $brand }. Kom sedan tillbaka till den här sidan och välj det första alternativet.
    .unlink = Koppla bort det tidigare Spotify-kontot
    .unlink-text = Om ditt konto hos { $brand } är kopplat till ett annat Spotify-konto, koppla bort det kontot här och koppla sedan rätt konto.
no-entitlements = Det finns inget att låsa upp än
    .text = Ditt konto hos { $brand } har ingen prenumeration som kan höras på Spotify. När du har en, kom tillbaka och koppla ditt konto.
    .step = Se prenumerationer

## Trouble

spotify-unavailable = Spotify svarar inte
    .text = Spotify gick inte att nå just nu, så det här är inte klart än. Det är inte ditt fel, och det brukar gå över inom några minuter.
    .step = Försök igen
unavailable = Ett ögonblick
    .text = Vi kunde inte göra det här just nu. Försök igen om en minut.
    .step = Försök igen
internal-error = Något gick fel
    .text = Det är vårt fel, inte ditt. Försök igen senare. Om det händer igen, ge supporten ID:t för begäran här nedanför.
    .step = Försök igen
not-found = Här finns inget
    .text = Den här sidan finns inte.
malformed = Den här länken fungerar inte
    .text = Något i adressen saknas eller har ändrats på vägen.
    .step = Börja om

## Unlinking

unlink = Koppla bort från Spotify?
    .text = Du kommer inte längre att höra { $brand } på Spotify med din prenumeration. Själva prenumerationen fortsätter.
    .step = Koppla bort
    .keep = Behåll kopplingen
unlink-to-relink = Koppla bort det tidigare Spotify-kontot?
    .text = Det Spotify-konto som nu är kopplat till ditt konto hos { $brand } kommer inte längre att spela upp innehållet därifrån. Sedan kopplar du rätt konto. Din prenumeration fortsätter.
form-refused = Öppna sidan igen
    .text = Det här formuläret har redan använts, är för gammalt eller kom inte från vår sida. Inget har ändrats.
    .step = Öppna sidan igen
unlinked = Bortkopplat från Spotify
    .text = Ditt konto är inte längre kopplat till Spotify. Din prenumeration fortsätter, och du kan koppla kontot igen när du vill.
    .again = Koppla till Spotify igen
unlinked-to-relink = Koppla nu rätt Spotify-konto
    .text = Det tidigare Spotify-kontot är bortkopplat. Spotify frågar dig igen och visar vilket konto du använder där.
    .step = Välj ett Spotify-konto

## The account page

account = Din koppling till Spotify
    .name = Inloggad hos { $brand } som { $name }
    .reference = Kontoreferens:
    .linked = Kopplat
    .linked-text = Spotify har nyss bekräftat att ditt konto hos { $brand } är kopplat.
    .not-linked = Inte kopplat
    .not-linked-text = Spotify har nyss meddelat att ditt konto hos { $brand } inte är kopplat.
    .unknown = Okänt just nu
    .unknown-text = Det gick inte att fråga Spotify om ditt konto är kopplat. Titta igen om några minuter.
    .unlocked = Upplåst på Spotify:
    .unlocked-nothing = Din prenumeration låser inte upp något på Spotify än.
    .shows = Poddar
    .listen = Lyssna på { $show } på Spotify
    .connect = Koppla till Spotify
    .disconnect = Koppla bort från Spotify
