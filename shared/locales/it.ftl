# What people read on soa-link's pages, in Italian. en.ftl is the source; see there for what each text is for.

## On every page

back = Torna a { $brand }
help = Ottieni assistenza
request-id = ID della richiesta:

## Signing in

signed-out = Prima devi accedere
    .text = In questo browser nessuno ha effettuato l’accesso su { $brand }. Accedi lì, poi scegli di nuovo di collegare il tuo account a Spotify.
sign-in = Accedi
sign-in-refused = Accedi di nuovo
    .text = Il tuo accesso è scaduto, è già stato usato o è stato iniziato in un altro browser. Non è stato modificato nulla.
    .step = Accedi di nuovo
sign-in-cancelled = Non hai effettuato l’accesso
    .text = Hai interrotto l’accesso prima di completarlo, quindi non è stato modificato nulla. Puoi accedere in qualsiasi momento.
    .step = Accedi
sign-in-unavailable = L’accesso non funziona in questo momento
    .text = Non siamo riusciti a raggiungere il servizio di accesso. Non dipende da te e di solito si risolve in pochi minuti. Non è stato modificato nulla.
    .step = Riprova

## Linking

cancelled = Account non collegato
    .text = Hai scelto di non collegare il tuo account a Spotify, quindi non è stato modificato nulla. Puoi collegarlo in qualsiasi momento.
    .step = Collega a Spotify
expired = Ricomincia da capo
    .text = Questa pagina è rimasta aperta troppo a lungo, è già stata usata o è stata iniziata in un altro browser. Non è stato modificato nulla.
    .step = Ricomincia
used-before = Il tuo account potrebbe essere già collegato
    .text = Questo passaggio è già stato eseguito e non è stato ripetuto. Se lo hai fatto tu, il tuo account { $brand } potrebbe essere già collegato a Spotify.
    .step = Vedi il collegamento
    .again = Ricomincia
could-not-link = Spotify non è riuscito a collegare il tuo account
    .text = Spotify non ha accettato il collegamento. Questo è certo, il motivo no.
    .likely = La cosa più probabile è che uno dei due account sia già collegato a un altro: il tuo account Spotify a un altro account { $brand }, o il tuo account { $brand } a un altro account Spotify.
    .remedies = Le cose che puoi fare, a partire dalla più facile:
    .other-account = Scegli un altro account Spotify
    .other-account-text = Spotify te lo chiede di nuovo e mostra quale account stai usando lì.
    .content-access = Vedi i tuoi collegamenti su Spotify
    .content-access-text = Si apre in una nuova scheda. Accedi lì con l’account Spotify che vuoi usare e rimuovi il suo collegamento con { $brand }. Poi torna su questa pagina e scegli la prima opzione.
    .unlink = Scollega l’account Spotify precedente
    .unlink-text = Se il tuo account { $brand } è collegato a un altro account Spotify, scollega quest’ultimo qui e poi collega quello giusto.
no-entitlements = Non c’è ancora nulla da sbloccare
    .text = Il tuo account { $brand } non ha abbonamenti che si possano ascoltare su Spotify. Quando ne avrai uno, torna qui e collega il tuo account.
    .step = Vedi gli abbonamenti

## Trouble

spotify-unavailable = Spotify non risponde
    .text = Non siamo riusciti a raggiungere Spotify in questo momento, quindi l’operazione non è ancora completata. Non dipende da te e di solito si risolve in pochi minuti.
    .step = Riprova
unavailable = Un momento, per favore
    .text = In questo momento non siamo riusciti a farlo. Riprova tra un minuto.
    .step = Riprova
internal-error = Qualcosa è andato storto
    .text = È colpa nostra, non tua. Riprova più tardi. Se succede di nuovo, comunica all’assistenza l’ID della richiesta qui sotto.
    .step = Riprova
not-found = Qui non c’è nulla
    .text = Questa pagina non esiste.
malformed = Questo link non funziona
    .text = Nell’indirizzo manca qualcosa o qualcosa è cambiato lungo il percorso.
    .step = Ricomincia

## Unlinking

unlink = Vuoi scollegare l’account da Spotify?
    .text = Con il tuo abbonamento non ascolterai più { $brand } su Spotify. L’abbonamento in sé continua.
    .step = Scollega
    .keep = Mantieni il collegamento
unlink-to-relink = Vuoi scollegare l’account Spotify precedente?
    .text = L’account Spotify ora collegato al tuo account { $brand } non ne riprodurrà più i contenuti. Poi colleghi quello giusto. Il tuo abbonamento continua.
form-refused = Apri di nuovo la pagina
    .text = Questo modulo è già stato usato, è troppo vecchio o non proviene dalla nostra pagina. Non è stato modificato nulla.
    .step = Apri di nuovo la pagina
unlinked = Account scollegato da Spotify
    .text = Il tuo account non è più collegato a Spotify. Il tuo abbonamento continua e puoi ricollegare l’account in qualsiasi momento.
    .again = Collega di nuovo a Spotify
unlinked-to-relink = Ora collega l’account Spotify giusto
    .text = L’account Spotify precedente è scollegato. Spotify te lo chiede di nuovo e mostra quale account stai usando lì.
    .step = Scegli un account Spotify

## The account page

account = Il tuo collegamento con Spotify
    .name = Accesso effettuato su { $brand } come { $name }
    .reference = Riferimento dell’account:
    .linked = Collegato
    .linked-text = Spotify ha appena confermato che il tuo account { $brand } è collegato.
    .not-linked = Non collegato
    .not-linked-text = Spotify ha appena comunicato che il tuo account { $brand } non è collegato.
    .unknown = Non noto al momento
    .unknown-text = Non è stato possibile chiedere a Spotify se il tuo account è collegato. Ricontrolla tra qualche minuto.
    .unlocked = Sbloccato su Spotify:
    .unlocked-nothing = Il tuo abbonamento non sblocca ancora nulla su Spotify.
    .shows = Podcast
    .listen = Ascolta { $show } su Spotify
    .connect = Collega a Spotify
    .disconnect = Scollega da Spotify
