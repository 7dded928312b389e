# What people read on soa-link's pages, in Polish. en.ftl is the source; see there for what each text is for.

## On every page

back = Wróć do serwisu { $brand }
help = Uzyskaj pomoc
request-id = Identyfikator żądania:

## Signing in

signed-out = Najpierw się zaloguj
    .text = W tej przeglądarce nikt nie jest zalogowany w serwisie { $brand }. Zaloguj się tam, a potem ponownie wybierz połączenie ze Spotify.
sign-in = Zaloguj się
sign-in-refused = Prosimy zalogować się ponownie
    .text = Twoje logowanie wygasło, zostało już wykorzystane albo rozpoczęło się w innej przeglądarce. Nie wprowadzono żadnych zmian.
    .step = Zaloguj się ponownie
sign-in-cancelled = Nie zalogowano
    .text = Logowanie zostało przez Ciebie przerwane przed zakończeniem, więc nie wprowadzono żadnych zmian. Możesz zalogować się w dowolnym momencie.
    .step = Zaloguj się
sign-in-unavailable = Logowanie chwilowo nie działa
    .text = Nie udało nam się uzyskać dostępu do strony logowania. To nie Twoja wina, a problem zwykle mija w ciągu kilku minut. Nie wprowadzono żadnych zmian.
    .step = Spróbuj ponownie

## Linking

cancelled = Nie połączono
    .text = Zgodnie z Twoim wyborem konto nie zostało połączone ze Spotify, więc nie wprowadzono żadnych zmian. Możesz je połączyć w dowolnym momencie.
    .step = Połącz ze Spotify
expired = Prosimy zacząć od nowa
    .text = Ta strona była otwarta zbyt długo, została już wykorzystana albo proces rozpoczęto w innej przeglądarce. Nie wprowadzono żadnych zmian.
    .step = Zacznij od nowa
used-before = Twoje konto może być już połączone
    .text = Ten krok został już wykonany, więc nie wykonaliśmy go ponownie. Jeśli to Ty go wykonałeś lub wykonałaś, Twoje konto w serwisie { $brand } może być już połączone ze Spotify.
    .step = Zobacz połączenie
    .again = Zacznij od nowa
could-not-link = Spotify nie mogło połączyć Twojego konta
    .text = Spotify nie przyjęło połączenia. Tyle jest pewne; przyczyna już nie.
    .likely = Najprawdopodobniej jedno z tych dwóch kont jest już połączone z innym: Twoje konto Spotify z innym kontem w serwisie { $brand } albo Twoje konto w serwisie { $brand } z innym kontem Spotify.
    .remedies = Co możesz zrobić, zaczynając od najprostszego:
    .other-account = Wybierz inne konto Spotify
    .other-account-text = Spotify zapyta Cię ponownie i pokaże, którego konta tam używasz.
    .content-access = Zobacz swoje połączenia w Spotify
    .content-access-text = Otwiera się w nowej karcie. Zaloguj się tam na konto Spotify, którego chcesz używać, i usuń jego połączenie z serwisem { $brand }. Potem wróć na tę stronę i wybierz pierwszą opcję.
    .unlink = Odłącz poprzednie konto Spotify
    .unlink-text = Jeśli Twoje konto w serwisie { $brand } jest połączone z innym kontem Spotify, odłącz tutaj tamto konto Spotify, a potem połącz właściwe.
no-entitlements = Nie ma jeszcze nic do odblokowania
    .text = Na Twoim koncie w serwisie { $brand } nie ma subskrypcji, której treści można słuchać w Spotify. Gdy taka się pojawi, wróć i połącz konto.
    .step = Zobacz subskrypcje

## Trouble

spotify-unavailable = Spotify nie odpowiada
    .text = Nie udało się teraz skontaktować ze Spotify, więc ta operacja nie została jeszcze wykonana. To nie Twoja wina, a problem zwykle mija w ciągu kilku minut.
    .step = Spróbuj ponownie
unavailable = Prosimy o chwilę cierpliwości
    .text = Nie udało nam się teraz tego zrobić. Spróbuj ponownie za minutę.
    .step = Spróbuj ponownie
internal-error = Coś poszło nie tak
    .text = To nasza wina, nie Twoja. Spróbuj ponownie później. Jeśli to się powtórzy, podaj działowi pomocy poniższy identyfikator żądania.
    .step = Spróbuj ponownie
not-found = Nic tu nie ma
    .text = Taka strona nie istnieje.
malformed = Ten link nie działa
    .text = W adresie czegoś brakuje albo coś zmieniło się po drodze.
    .step = Zacznij od nowa

## Unlinking

unlink = Odłączyć od Spotify?
    .text = Słuchanie treści z serwisu { $brand } w Spotify w ramach Twojej subskrypcji nie będzie już możliwe. Sama subskrypcja trwa nadal.
    .step = Odłącz
    .keep = Pozostaw połączone
unlink-to-relink = Odłączyć poprzednie konto Spotify?
    .text = Konto Spotify połączone teraz z Twoim kontem w serwisie { $brand } nie będzie już odtwarzać treści z tego serwisu. W następnym kroku połączysz właściwe konto. Twoja subskrypcja trwa nadal.
form-refused = Prosimy otworzyć stronę ponownie
    .text = Ten formularz został już wykorzystany, jest zbyt stary albo nie pochodzi z naszej strony. Nie wprowadzono żadnych zmian.
    .step = Otwórz stronę ponownie
unlinked = Odłączono od Spotify
    .text = Twoje konto nie jest już połączone ze Spotify. Subskrypcja trwa nadal, a konto możesz ponownie połączyć w dowolnym momencie.
    .again = Połącz ponownie ze Spotify
unlinked-to-relink = Teraz połącz właściwe konto Spotify
    .text = Poprzednie konto Spotify jest odłączone. Spotify zapyta Cię ponownie i pokaże, którego konta tam używasz.
    .step = Wybierz konto Spotify

## The account page

account = Twoje połączenie ze Spotify
    .name = Zalogowano w serwisie { $brand } jako { $name }
    .reference = Identyfikator konta:
    .linked = Połączone
    .linked-text = Spotify właśnie potwierdziło, że Twoje konto w serwisie { $brand } jest połączone.
    .not-linked = Niepołączone
    .not-linked-text = Spotify właśnie poinformowało, że Twoje konto w serwisie { $brand } nie jest połączone.
    .unknown = W tej chwili nie wiadomo
    .unknown-text = Nie udało się zapytać Spotify, czy Twoje konto jest połączone. Zajrzyj tu ponownie za kilka minut.
    .unlocked = Odblokowane w Spotify:
    .unlocked-nothing = Twoja subskrypcja nie odblokowuje jeszcze niczego w Spotify.
    .shows = Podcasty
    .listen = Słuchaj podcastu { $show } w Spotify
    .connect = Połącz ze Spotify
    .disconnect = Odłącz od Spotify
