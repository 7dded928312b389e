# What people read on soa-link's pages, in German. en.ftl is the source; see there for what each text is for.

## On every page

back = Zurück zu { $brand }
help = Hilfe erhalten
request-id = Anfrage-ID:
tell-support = Wenn es wieder passiert, nennen Sie dem Support die Anfrage-ID unten.
identity = Sie sind bei { $brand } angemeldet.
    .named = Bei { $brand } angemeldet als { $name }.
    .not-you = Nicht Sie?

## Signing in

signed-out = Bitte melden Sie sich zuerst an
    .text = Sie sind in diesem Browser nicht bei { $brand } angemeldet. Melden Sie sich dort an und kommen Sie dann auf diese Seite zurück.
session-rejected = Bitte melden Sie sich noch einmal an
    .text = Ihre Anmeldung bei { $brand } ist abgelaufen oder kann hier nicht verwendet werden. Melden Sie sich dort noch einmal an und kommen Sie dann auf diese Seite zurück.
sign-in = Anmelden
sign-in-refused = Bitte melden Sie sich noch einmal an
    .text = Ihre Anmeldung ist abgelaufen, wurde schon einmal verwendet oder in einem anderen Browser begonnen. Es wurde nichts geändert.
    .step = Noch einmal anmelden
sign-in-impossible = Die Anmeldung funktioniert hier nicht
    .text = { $brand } hat Sie mit einer Anmeldung hierhergeschickt, die wir nicht annehmen können. Es liegt nicht an Ihnen, und ein neuer Versuch hilft wahrscheinlich nicht. Es wurde nichts geändert.
sign-in-cancelled = Sie haben sich nicht angemeldet
    .text = Sie haben abgebrochen, bevor Sie angemeldet waren. Deshalb wurde nichts geändert. Sie können sich jederzeit anmelden.
    .step = Anmelden
sign-in-unavailable = Die Anmeldung funktioniert gerade nicht
    .text = Wir konnten den Dienst nicht erreichen, der Ihre Anmeldung bestätigt. Es liegt nicht an Ihnen und gibt sich meist innerhalb weniger Minuten. Es wurde nichts geändert.
    .step = Erneut versuchen
visit-ended = Sie sind von dieser Seite abgemeldet
    .text = Dieser Browser zeigt Ihre Verbindung mit Spotify nicht mehr an. Die Verbindung selbst hat sich nicht geändert. Wenn Sie bei { $brand } angemeldet sind, melden Sie sich auch dort ab.

## Connecting

cancelled = Nicht verbunden
    .text = Sie haben sich entschieden, Ihr Konto nicht mit Spotify zu verbinden. Deshalb wurde nichts geändert. Sie können es jederzeit nachholen.
    .step = Mit Spotify verbinden
expired = Bitte beginnen Sie von vorn
    .text = Diese Seite war zu lange geöffnet, wurde schon einmal verwendet oder in einem anderen Browser begonnen. Es wurde nichts geändert.
    .step = Von vorn beginnen
session-changed = Ihre Anmeldung hat sich geändert
    .text = Ihre Anmeldung bei { $brand } wurde beendet oder hat sich geändert, nachdem Sie hier begonnen hatten. Deshalb wurde nichts geändert. Beginnen Sie mit dem Konto von vorn, das Sie verwenden möchten.
    .step = Von vorn beginnen
used-before = Ihr Konto ist vielleicht schon verbunden
    .text = Dieser Schritt wurde schon einmal ausgeführt und deshalb nicht wiederholt. Wenn Sie das waren, ist Ihr Konto bei { $brand } vielleicht schon mit Spotify verbunden.
    .step = Verbindung ansehen
    .again = Von vorn beginnen
could-not-link = Spotify konnte Ihr Konto nicht verbinden
    .text = Am wahrscheinlichsten ist, dass das gewählte Spotify-Konto schon mit einem anderen Konto bei { $brand } verbunden ist.
    .other-account = Anderes Spotify-Konto wählen
    .other-account-text = Spotify fragt Sie noch einmal und zeigt, welches Konto Sie dort verwenden.
    .remedies = Wenn das nicht hilft
    .content-access = Ihre Verbindungen bei Spotify ansehen
    .content-access-text = Öffnet sich in einem neuen Tab. Melden Sie sich dort mit dem Spotify-Konto an, das Sie verwenden möchten, und entfernen Sie dessen Verbindung mit { $brand }. Kommen Sie dann auf diese Seite zurück und wählen Sie Ihr Spotify-Konto noch einmal.
    .unlink = Bisheriges Spotify-Konto trennen
    .unlink-text = Wenn Ihr Konto bei { $brand } mit einem anderen Spotify-Konto verbunden ist, trennen Sie dieses hier und verbinden Sie dann das richtige.
no-entitlements = Es gibt noch nichts freizuschalten
    .text = Zu Ihrem Konto bei { $brand } gehört kein Abo, das sich auf Spotify hören lässt. Sobald Sie eines haben, kommen Sie wieder und verbinden Sie Ihr Konto.
    .step = Abos ansehen
consent-failed = Spotify hat einen Fehler gemeldet
    .text = Statt Sie um Ihre Zustimmung zu bitten, hat Spotify einen Fehler gemeldet. Es liegt nicht an Ihnen, und ein neuer Versuch hilft wahrscheinlich nicht. Es wurde nichts geändert.
    .step = Erneut versuchen

## Trouble

spotify-unavailable = Spotify funktioniert gerade nicht
    .text = Spotify hat nicht geantwortet oder ein Problem gemeldet, deshalb ist dies vielleicht noch nicht erledigt. Es liegt nicht an Ihnen und gibt sich meist innerhalb weniger Minuten.
    .step = Erneut versuchen
unavailable = Einen Moment, bitte
    .text = Das war gerade nicht möglich. Bitte versuchen Sie es in einer Minute erneut.
    .step = Erneut versuchen
internal-error = Etwas ist schiefgegangen
    .text = Es liegt an uns, nicht an Ihnen. Bitte versuchen Sie es später erneut.
    .step = Erneut versuchen
not-found = Hier ist nichts
    .text = Diese Seite gibt es nicht.
malformed = Dieser Link funktioniert nicht
    .text = Etwas in der Adresse fehlt oder wurde unterwegs verändert.
    .step = Von vorn beginnen

## Disconnecting

unlink = Von Spotify trennen?
    .text = Spotify spielt dann nicht mehr ab, was Ihr Konto bei { $brand } freischaltet. Ihr Konto bei { $brand } bleibt, wie es ist.
    .step = Trennen
    .keep = Verbunden lassen
unlink-to-relink = Bisheriges Spotify-Konto trennen?
    .text = Das Spotify-Konto, das jetzt verbunden ist, spielt dann nicht mehr ab, was Ihr Konto bei { $brand } freischaltet. Als Nächstes verbinden Sie das richtige. Ihr Konto bei { $brand } bleibt, wie es ist.
form-refused = Bitte öffnen Sie die Seite noch einmal
    .text = Dieses Formular wurde schon einmal verwendet, ist zu alt oder kam nicht von unserer Seite. Es wurde nichts geändert.
    .step = Seite noch einmal öffnen
unlinked = Von Spotify getrennt
    .text = Ihr Konto bei { $brand } ist nicht mehr mit Spotify verbunden. Sie können es jederzeit wieder verbinden.
    .again = Wieder mit Spotify verbinden
unlinked-to-relink = Verbinden Sie jetzt das richtige Spotify-Konto
    .text = Das bisherige Spotify-Konto ist getrennt. Spotify fragt Sie noch einmal und zeigt, welches Konto Sie dort verwenden.
    .step = Spotify-Konto wählen

## The account page

account = Ihre Verbindung mit Spotify
    .reference = Kontoreferenz:
    .linked = Verbunden
    .linked-text = Spotify hat gerade bestätigt, dass Ihr Konto bei { $brand } verbunden ist.
    .since = Verbunden seit dem { $month ->
        [month-1] { $day }. Januar { $year }
        [month-2] { $day }. Februar { $year }
        [month-3] { $day }. März { $year }
        [month-4] { $day }. April { $year }
        [month-5] { $day }. Mai { $year }
        [month-6] { $day }. Juni { $year }
        [month-7] { $day }. Juli { $year }
        [month-8] { $day }. August { $year }
        [month-9] { $day }. September { $year }
        [month-10] { $day }. Oktober { $year }
        [month-11] { $day }. November { $year }
       *[month-12] { $day }. Dezember { $year }
    }
    .not-linked = Nicht verbunden
    .not-linked-text = Spotify hat gerade mitgeteilt, dass Ihr Konto bei { $brand } nicht verbunden ist.
    .unknown = Zurzeit nicht bekannt
    .unknown-text = Spotify konnte nicht gefragt werden, ob Ihr Konto verbunden ist. Bitte sehen Sie in ein paar Minuten noch einmal nach.
    .pending = Eine Änderung Ihres Abos ist noch auf dem Weg zu Spotify. Sie kommt meist innerhalb weniger Minuten an.
    .unlocked = Auf Spotify freigeschaltet
    .unlocked-nothing = Ihr Konto bei { $brand } schaltet auf Spotify zurzeit nichts frei.
    .shows = Podcasts
    .listen = { $show } auf Spotify anhören
    .listen-short = Anhören
    .included-in = Enthalten in
    .connect = Mit Spotify verbinden
    .disconnect = Von Spotify trennen
