# What people read on soa-link's pages, in Polish. en.ftl is the source; see there for what each text is for.

## On every page

back = Wróć do serwisu { $brand }
help = Uzyskaj pomoc
request-id = Identyfikator żądania:
tell-support = Jeśli to się powtórzy, podaj działowi pomocy poniższy identyfikator żądania.
identity = Zalogowano w serwisie { $brand }.
    .named = Zalogowano w serwisie { $brand } jako { $name }.
    .not-you = To nie Ty?

## Signing in

signed-out = Najpierw się zaloguj
    .text = W tej przeglądarce nie zalogowano się w serwisie { $brand }. Zaloguj się tam, a potem wróć na tę stronę.
session-rejected = Prosimy zalogować się ponownie
    .text = Twoje logowanie w serwisie { $brand } wygasło albo nie można go tutaj użyć. Zaloguj się tam ponownie, a potem wróć na tę stronę.
sign-in = Zaloguj się
sign-in-refused = Prosimy zalogować się ponownie
    .text = Twoje logowanie wygasło, zostało już wykorzystane albo rozpoczęło się w innej przeglądarce. Nie wprowadzono żadnych zmian.
    .step = Zaloguj się ponownie
sign-in-impossible = Logowanie tutaj nie działa
    .text = Serwis { $brand } skierował Cię tutaj z logowaniem, którego nie możemy przyjąć. To nie Twoja wina, a ponowna próba prawdopodobnie nie pomoże. Nie wprowadzono żadnych zmian.
sign-in-cancelled = Nie zalogowano
    .text = Logowanie zostało przez Ciebie przerwane przed zakończeniem, więc nie wprowadzono żadnych zmian. Możesz zalogować się w dowolnym momencie.
    .step = Zaloguj się
sign-in-unavailable = Logowanie chwilowo nie działa
    .text = Nie udało nam się uzyskać dostępu do usługi, która potwierdza Twoje logowanie. To nie Twoja wina, a problem zwykle mija w ciągu kilku minut. Nie wprowadzono żadnych zmian.
    .step = Spróbuj ponownie
visit-ended = Wylogowano z tej strony
    .text = Ta przeglądarka nie pokazuje już Twojego połączenia ze Spotify. Samo połączenie się nie zmieniło. Jeśli Twoje logowanie w serwisie { $brand } jest aktywne, wyloguj się także tam.

## Connecting

cancelled = Nie połączono
    .text = Zgodnie z Twoim wyborem konto nie zostało połączone ze Spotify, więc nie wprowadzono żadnych zmian. Możesz je połączyć w dowolnym momencie.
    .step = Połącz ze Spotify
expired = Prosimy zacząć od nowa
    .text = Ta strona była otwarta zbyt długo, została już wykorzystana albo proces rozpoczęto w innej przeglądarce. Nie wprowadzono żadnych zmian.
    .step = Zacznij od nowa
session-changed = Twoje logowanie się zmieniło
    .text = Po rozpoczęciu tego procesu Twoje logowanie w serwisie { $brand } zakończyło się albo zmieniło, więc nie wprowadzono żadnych zmian. Zacznij od nowa z kontem, którego chcesz używać.
    .step = Zacznij od nowa
used-before = Twoje konto może być już połączone
    .text = Ten krok został już wykonany, więc nie wykonaliśmy go ponownie. Jeśli stało się to za Twoją sprawą, Twoje konto w serwisie { $brand } może być już połączone ze Spotify.
    .step = Zobacz połączenie
    .again = Zacznij od nowa
could-not-link = Spotify nie mogło połączyć Twojego konta
    .text = Najprawdopodobniej wybrane przez Ciebie konto Spotify jest już połączone z innym kontem w serwisie { $brand }.
    .other-account = Wybierz inne konto Spotify
    .other-account-text = Spotify zapyta Cię ponownie i pokaże, którego konta tam używasz.
    .remedies = Jeśli to nie pomoże
    .content-access = Zobacz swoje połączenia w Spotify
    .content-access-text = Strona otwiera się w nowej karcie. Zaloguj się tam na konto Spotify, którego chcesz używać, i usuń jego połączenie z serwisem { $brand }. Potem wróć na tę stronę i ponownie wybierz swoje konto Spotify.
    .unlink = Odłącz poprzednie konto Spotify
    .unlink-text = Jeśli Twoje konto w serwisie { $brand } jest połączone z innym kontem Spotify, odłącz tutaj tamto konto Spotify, a potem połącz właściwe.
no-entitlements = Nie ma jeszcze nic do odblokowania
    .text = Na Twoim koncie w serwisie { $brand } nie ma subskrypcji, której treści można słuchać w Spotify. Gdy taka się pojawi, wróć i połącz konto.
    .step = Zobacz subskrypcje
consent-failed = Spotify zgłosiło błąd
    .text = Spotify nie poprosiło Cię o zgodę, lecz zgłosiło błąd. To nie Twoja wina, a ponowna próba prawdopodobnie nie pomoże. Nie wprowadzono żadnych zmian.
    .step = Spróbuj ponownie

## Trouble

spotify-unavailable = Spotify chwilowo nie działa
    .text = Spotify nie odpowiedziało albo zgłosiło problem, więc ta operacja mogła nie zostać jeszcze wykonana. To nie Twoja wina, a problem zwykle mija w ciągu kilku minut.
    .step = Spróbuj ponownie
unavailable = Prosimy o chwilę cierpliwości
    .text = Nie udało nam się teraz tego zrobić. Spróbuj ponownie za minutę.
    .step = Spróbuj ponownie
internal-error = Coś poszło nie tak
    .text = To nasza wina, nie Twoja. Spróbuj ponownie później.
    .step = Spróbuj ponownie
not-found = Nic tu nie ma
    .text = Taka strona nie istnieje.
malformed = Ten link nie działa
    .text = W adresie czegoś brakuje albo coś zmieniło się po drodze.
    .step = Zacznij od nowa

## Disconnecting

unlink = Odłączyć od Spotify?
    .text = Spotify nie będzie już odtwarzać treści, które odblokowuje Twoje konto w serwisie { $brand }. Samo konto w serwisie { $brand } pozostanie bez zmian.
    .step = Odłącz
    .keep = Pozostaw połączone
unlink-to-relink = Odłączyć poprzednie konto Spotify?
    .text = Połączone teraz konto Spotify nie będzie już odtwarzać treści, które odblokowuje Twoje konto w serwisie { $brand }. W następnym kroku połączysz właściwe konto Spotify. Samo konto w serwisie { $brand } pozostanie bez zmian.
form-refused = Prosimy otworzyć stronę ponownie
    .text = Ten formularz został już wykorzystany, jest zbyt stary albo nie pochodzi z naszej strony. Nie wprowadzono żadnych zmian.
    .step = Otwórz stronę ponownie
unlinked = Odłączono od Spotify
    .text = Twoje konto w serwisie { $brand } nie jest już połączone ze Spotify. Możesz je ponownie połączyć w dowolnym momencie.
    .again = Połącz ponownie ze Spotify
unlinked-to-relink = Teraz połącz właściwe konto Spotify
    .text = Poprzednie konto Spotify jest odłączone. Spotify zapyta Cię ponownie i pokaże, którego konta tam używasz.
    .step = Wybierz konto Spotify

## The account page

account = Twoje połączenie ze Spotify
    .reference = Identyfikator konta:
    .linked = Połączone
    .linked-text = Spotify właśnie potwierdziło, że Twoje konto w serwisie { $brand } jest połączone.
    .since = Połączone od { $month ->
        [month-1] { $day } stycznia { $year } r.
        [month-2] { $day } lutego { $year } r.
        [month-3] { $day } marca { $year } r.
        [month-4] { $day } kwietnia { $year } r.
        [month-5] { $day } maja { $year } r.
        [month-6] { $day } czerwca { $year } r.
        [month-7] { $day } lipca { $year } r.
        [month-8] { $day } sierpnia { $year } r.
        [month-9] { $day } września { $year } r.
        [month-10] { $day } października { $year } r.
        [month-11] { $day } listopada { $year } r.
       *[month-12] { $day } grudnia { $year } r.
    }
    .not-linked = Niepołączone
    .not-linked-text = Spotify właśnie poinformowało, że Twoje konto w serwisie { $brand } nie jest połączone.
    .unknown = W tej chwili nie wiadomo
    .unknown-text = Nie udało się zapytać Spotify, czy Twoje konto jest połączone. Zajrzyj tu ponownie za kilka minut.
    .pending = Zmiana Twojej subskrypcji jest jeszcze w drodze do Spotify. Zwykle dociera tam w ciągu kilku minut.
    .unlocked = Odblokowane w Spotify
    .unlocked-nothing = Twoje konto w serwisie { $brand } nie odblokowuje teraz niczego w Spotify.
    .shows = Podcasty
    .listen = Słuchaj podcastu { $show } w Spotify
    .listen-short = Słuchaj
    .included-in = Dostępne w ramach subskrypcji
    .connect = Połącz ze Spotify
    .disconnect = Odłącz od Spotify
