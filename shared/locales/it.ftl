# What people read on soa-link's pages, in Italian. en.ftl is the source; see there for what each text is for.

## On every page

back = Torna a { $brand }
help = Ottieni assistenza
request-id = ID della richiesta:
tell-support = Se succede di nuovo, comunica all’assistenza l’ID della richiesta qui sotto.
identity = Hai effettuato l’accesso su { $brand }.
    .named = Accesso effettuato su { $brand } come { $name }.
    .not-you = Non sei tu?

## Signing in

signed-out = Prima devi accedere
    .text = In questo browser non hai effettuato l’accesso su { $brand }. Accedi lì, poi torna su questa pagina.
session-rejected = Accedi di nuovo
    .text = Il tuo accesso su { $brand } è scaduto o non può essere usato qui. Accedi di nuovo lì, poi torna su questa pagina.
sign-in = Accedi
sign-in-refused = Accedi di nuovo
    .text = Il tuo accesso è scaduto, è già stato usato o è stato iniziato in un altro browser. Non è stato modificato nulla.
    .step = Accedi di nuovo
sign-in-impossible = L’accesso non funziona qui
    .text = { $brand } ti ha inviato qui con un accesso che non possiamo accettare. Non dipende da te e riprovare probabilmente non servirà. Non è stato modificato nulla.
sign-in-cancelled = Non hai effettuato l’accesso
    .text = Hai interrotto l’accesso prima di completarlo, quindi non è stato modificato nulla. Puoi accedere in qualsiasi momento.
    .step = Accedi
sign-in-unavailable = L’accesso non funziona in questo momento
    .text = Non siamo riusciti a raggiungere il servizio che conferma il tuo accesso. Non dipende da te e di solito si risolve in pochi minuti. Non è stato modificato nulla.
    .step = Riprova
visit-ended = Hai chiuso la sessione su questa pagina
    .text = Questo browser non mostra più il tuo collegamento con Spotify. Il collegamento in sé non è cambiato. Se hai effettuato l’accesso su { $brand }, esci anche lì.

## Connecting

cancelled = Account non collegato
    .text = Hai scelto di non collegare il tuo account a Spotify, quindi non è stato modificato nulla. Puoi collegarlo in qualsiasi momento.
    .step = Collega a Spotify
expired = Ricomincia da capo
    .text = Questa pagina è rimasta aperta troppo a lungo, è già stata usata o è stata iniziata in un altro browser. Non è stato modificato nulla.
    .step = Ricomincia
session-changed = Il tuo accesso è cambiato
    .text = Il tuo accesso su { $brand } è terminato o è cambiato dopo che hai iniziato qui, quindi non è stato modificato nulla. Ricomincia con l’account che vuoi usare.
    .step = Ricomincia
used-before = Il tuo account potrebbe essere già collegato
    .text = Questo passaggio è già stato eseguito e non è stato ripetuto. Se lo hai fatto tu, il tuo account { $brand } potrebbe essere già collegato a Spotify.
    .step = Vedi il collegamento
    .again = Ricomincia
could-not-link = Spotify non è riuscito a collegare il tuo account
    .text = Molto probabilmente l’account Spotify che hai scelto è già collegato a un altro account { $brand }.
    .other-account = Scegli un altro account Spotify
    .other-account-text = Spotify te lo chiede di nuovo e mostra quale account stai usando lì.
    .remedies = Se non funziona
    .content-access = Vedi i tuoi collegamenti su Spotify
    .content-access-text = Si apre in una nuova scheda. Accedi lì con l’account Spotify che vuoi usare e rimuovi il suo collegamento con { $brand }. Poi torna su questa pagina e scegli di nuovo il tuo account Spotify.
    .unlink = Scollega l’account Spotify precedente
    .unlink-text = Se il tuo account { $brand } è collegato a un altro account Spotify, scollega quest’ultimo qui e poi collega quello giusto.
no-entitlements = Non c’è ancora nulla da sbloccare
    .text = Il tuo account { $brand } non ha abbonamenti che si possano ascoltare su Spotify. Quando ne avrai uno, torna qui e collega il tuo account.
    .step = Vedi gli abbonamenti
consent-failed = Spotify ha segnalato un errore
    .text = Invece di chiedere il tuo consenso, Spotify ha segnalato un errore. Non dipende da te e riprovare probabilmente non servirà. Non è stato modificato nulla.
    .step = Riprova

## Trouble

spotify-unavailable = Spotify non funziona in questo momento
    .text = Spotify non ha risposto o ha segnalato un problema, quindi l’operazione potrebbe non essere ancora completata. Non dipende da te e di solito si risolve in pochi minuti.
    .step = Riprova
unavailable = Un momento, per favore
    .text = In questo momento non siamo riusciti a farlo. Riprova tra un minuto.
    .step = Riprova
internal-error = Qualcosa è andato storto
    .text = È colpa nostra, non tua. Riprova più tardi.
    .step = Riprova
not-found = Qui non c’è nulla
    .text = Questa pagina non esiste.
malformed = Questo link non funziona
    .text = Nell’indirizzo manca qualcosa o qualcosa è cambiato lungo il percorso.
    .step = Ricomincia

## Disconnecting

unlink = Vuoi scollegare l’account da Spotify?
    .text = Spotify non riprodurrà più ciò che il tuo account { $brand } sblocca. Il tuo account { $brand } resta com’è.
    .step = Scollega
    .keep = Mantieni il collegamento
unlink-to-relink = Vuoi scollegare l’account Spotify precedente?
    .text = L’account Spotify ora collegato non riprodurrà più ciò che il tuo account { $brand } sblocca. Poi colleghi quello giusto. Il tuo account { $brand } resta com’è.
form-refused = Apri di nuovo la pagina
    .text = Questo modulo è già stato usato, è troppo vecchio o non proviene dalla nostra pagina. Non è stato modificato nulla.
    .step = Apri di nuovo la pagina
unlinked = Account scollegato da Spotify
    .text = Il tuo account { $brand } non è più collegato a Spotify. Puoi collegarlo di nuovo in qualsiasi momento.
    .again = Collega di nuovo a Spotify
unlinked-to-relink = Ora collega l’account Spotify giusto
    .text = L’account Spotify precedente è scollegato. Spotify te lo chiede di nuovo e mostra quale account stai usando lì.
    .step = Scegli un account Spotify

## The account page

account = Il tuo collegamento con Spotify
    .reference = Riferimento dell’account:
    .linked = Collegato
    .linked-text = Spotify ha appena confermato che il tuo account { $brand } è collegato.
    .since = Data del collegamento: { $month ->
        [month-1] { $day } gennaio { $year }
        [month-2] { $day } febbraio { $year }
        [month-3] { $day } marzo { $year }
        [month-4] { $day } aprile { $year }
        [month-5] { $day } maggio { $year }
        [month-6] { $day } giugno { $year }
        [month-7] { $day } luglio { $year }
        [month-8] { $day } agosto { $year }
        [month-9] { $day } settembre { $year }
        [month-10] { $day } ottobre { $year }
        [month-11] { $day } novembre { $year }
       *[month-12] { $day } dicembre { $year }
    }
    .not-linked = Non collegato
    .not-linked-text = Spotify ha appena comunicato che il tuo account { $brand } non è collegato.
    .unknown = Non noto al momento
    .unknown-text = Non è stato possibile chiedere a Spotify se il tuo account è collegato. Ricontrolla tra qualche minuto.
    .pending = Una modifica del tuo abbonamento non è ancora arrivata a Spotify. Di solito arriva in pochi minuti.
    .unlocked = Sbloccato su Spotify
    .unlocked-nothing = Al momento il tuo account { $brand } non sblocca nulla su Spotify.
    .shows = Podcast
    .listen = Ascolta { $show } su Spotify
    .listen-short = Ascolta
    .included-in = Incluso in
    .connect = Collega a Spotify
    .disconnect = Scollega da Spotify
