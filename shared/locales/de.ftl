# What people read on soa-link's pages, in German. en.ftl is the source; see there for what each text is for.

## On every page

back = Zurück zu { $brand }
help = Hilfe erhalten
request-id = Anfrage-ID:

## Signing in

signed-out = Bitte melden Sie sich zuerst an
    .text = In diesem Browser ist niemand bei { $brand } angemeldet. Melden Sie sich dort an und wählen Sie dann noch einmal die Verbindung mit Spotify.
sign-in = Anmelden
sign-in-refused = Bitte melden Sie sich noch einmal an
    .text = Ihre Anmeldung ist abgelaufen, wurde schon einmal verwendet oder in einem anderen Browser begonnen. Es wurde nichts geändert.
    .step = Noch einmal anmelden
sign-in-cancelled = Sie haben sich nicht angemeldet
    .text = Sie haben abgebrochen, bevor Sie angemeldet waren. Deshalb wurde nichts geändert. Sie können sich jederzeit anmelden.
    .step = Anmelden
sign-in-unavailable = Die Anmeldung funktioniert gerade nicht
    .text = Wir konnten den Anmeldedienst nicht erreichen. Es liegt nicht an Ihnen und gibt sich meist innerhalb weniger Minuten. Es wurde nichts geändert.
    .step = Erneut versuchen

## Linking

cancelled = Nicht verbunden
    .text = Sie haben sich entschieden, Ihr Konto nicht mit Spotify zu verbinden. Deshalb wurde nichts geändert. Sie können es jederzeit nachholen.
    .step = Mit Spotify verbinden
expired = Bitte beginnen Sie von vorn
    .text = Diese Seite war zu lange geöffnet, wurde schon einmal verwendet oder in einem anderen Browser begonnen. Es wurde nichts geändert.
    .step = Von vorn beginnen
used-before = Ihr Konto ist vielleicht schon verbunden
    .text = Dieser Schritt wurde schon einmal ausgeführt und deshalb nicht wiederholt. Wenn Sie das waren, ist Ihr Konto bei { $brand } vielleicht schon mit Spotify verbunden.
    .step = Verbindung ansehen
    .again = Von vorn beginnen
could-not-link = Spotify konnte Ihr Konto nicht verbinden
    .text = Spotify hat die Verbindung nicht angenommen. So viel ist sicher, der Grund ist es nicht.
    .likely = Am wahrscheinlichsten ist, dass eines der beiden Konten schon mit einem anderen verbunden ist: Ihr Spotify-Konto mit einem anderen Konto bei { $brand } oder Ihr Konto bei { $brand } mit einem anderen Spotify-Konto.
    .remedies = Was Sie tun können, das Einfachste zuerst:
    .other-account = Anderes Spotify-Konto wählen
    .other-account-text = Spotify fragt Sie noch einmal und zeigt, welches Konto Sie dort verwenden.
    .content-access = Ihre Verbindungen bei Spotify ansehen
    .content-access-text = Öffnet sich in einem neuen Tab. Melden Sie sich dort mit dem Spotify-Konto an, das Sie verwenden möchten, und entfernen Sie dessen Verbindung mit { $brand }. Kommen Sie dann auf diese Seite zurück und wählen Sie die erste Möglichkeit.
    .unlink = Bisheriges Spotify-Konto trennen
    .unlink-text = Wenn Ihr Konto bei { $brand } mit einem anderen Spotify-Konto verbunden ist, trennen Sie dieses hier und verbinden Sie dann das richtige.
no-entitlements = Es gibt noch nichts freizuschalten
    .text = Zu Ihrem Konto bei { $brand } gehört kein Abo, das sich auf Spotify hören lässt. Sobald Sie eines haben, kommen Sie wieder und verbinden Sie Ihr Konto.
    .step = Abos ansehen

## Trouble

spotify-unavailable = Spotify antwortet nicht
    .text = Spotify war gerade nicht erreichbar, deshalb ist dies noch nicht erledigt. Es liegt nicht an Ihnen und gibt sich meist innerhalb weniger Minuten.
    .step = Erneut versuchen
unavailable = Einen Moment, bitte
    .text = Das war gerade nicht möglich. Bitte versuchen Sie es in einer Minute erneut.
    .step = Erneut versuchen
internal-error = Etwas ist schiefgegangen
    .text = Es liegt an uns, nicht an Ihnen. Bitte versuchen Sie es später erneut. Wenn es wieder passiert, nennen Sie dem Support die Anfrage-ID unten.
    .step = Erneut versuchen
not-found = Hier ist nichts
    .text = Diese Seite gibt es nicht.
malformed = Dieser Link funktioniert nicht
    .text = Etwas in der Adresse fehlt oder wurde unterwegs verändert.
    .step = Von vorn beginnen

## Unlinking

unlink = Von Spotify trennen?
    .text = Mit Ihrem Abo hören Sie { $brand } dann nicht mehr auf Spotify. Das Abo selbst läuft weiter.
    .step = Trennen
    .keep = Verbunden lassen
unlink-to-relink = Bisheriges Spotify-Konto trennen?
    .text = Das Spotify-Konto, das jetzt mit Ihrem Konto bei { $brand } verbunden ist, spielt die Inhalte von dort dann nicht mehr ab. Als Nächstes verbinden Sie das richtige. Ihr Abo läuft weiter.
form-refused = Bitte öffnen Sie die Seite noch einmal
    .text = Dieses Formular wurde schon einmal verwendet, ist zu alt oder kam nicht von unserer Seite. Es wurde nichts geändert.
    .step = Seite noch einmal öffnen
unlinked = Von Spotify getrennt
    .text = Ihr Konto ist nicht mehr mit Spotify verbunden. Ihr Abo läuft weiter, und Sie können Ihr Konto jederzeit wieder verbinden.
    .again = Wieder mit Spotify verbinden
unlinked-to-relink = Verbinden Sie jetzt das richtige Spotify-Konto
    .text = Das bisherige Spotify-Konto ist getrennt. Spotify fragt Sie noch einmal und zeigt, welches Konto Sie dort verwenden.
    .step = Spotify-Konto wählen

## The account page

account = Ihre Verbindung mit Spotify
    .name = Bei { $brand } angemeldet als { $name }
    .reference = Kontoreferenz:
    .linked = Verbunden
    .linked-text = Spotify hat gerade bestätigt, dass Ihr Konto bei { $brand } verbunden ist.
    .not-linked = Nicht verbunden
    .not-linked-text = Spotify hat gerade mitgeteilt, dass Ihr Konto bei { $brand } nicht verbunden ist.
    .unknown = Zurzeit nicht bekannt
    .unknown-text = Spotify konnte nicht gefragt werden, ob Ihr Konto verbunden ist. Bitte sehen Sie in ein paar Minuten noch einmal nach.
    .unlocked = Auf Spotify freigeschaltet:
    .unlocked-nothing = Ihr Abo schaltet auf Spotify noch nichts frei.
    .shows = Podcasts
    .listen = { $show } auf Spotify hören
    .connect = Mit Spotify verbinden
    .disconnect = Von Spotify trennen
