# What people read on soa-link's pages, in French. en.ftl is the source; see there for what each text is for.

## On every page

back = Retourner sur { $brand }
help = Obtenir de l’aide
request-id = Identifiant de la requête :
tell-support = Si cela se reproduit, indiquez à l’assistance l’identifiant de la requête ci-dessous.
identity = Votre session est ouverte sur { $brand }.
    .named = Session ouverte sur { $brand } en tant que { $name }.
    .not-you = Ce n’est pas vous ?

## Signing in

signed-out = Veuillez d’abord vous connecter
    .text = Vous n’avez pas de session ouverte sur { $brand } dans ce navigateur. Connectez-vous-y, puis revenez sur cette page.
session-rejected = Veuillez vous reconnecter
    .text = Votre session sur { $brand } a expiré ou ne peut pas être utilisée ici. Reconnectez-vous-y, puis revenez sur cette page.
sign-in = Se connecter
sign-in-refused = Veuillez vous reconnecter
    .text = Votre connexion a expiré, a déjà été utilisée ou a été commencée dans un autre navigateur. Rien n’a été modifié.
    .step = Se reconnecter
sign-in-impossible = La connexion ne fonctionne pas ici
    .text = { $brand } vous a envoyé ici avec une connexion que nous ne pouvons pas accepter. Vous n’y êtes pour rien, et réessayer n’y changera probablement rien. Rien n’a été modifié.
sign-in-cancelled = Connexion non effectuée
    .text = Vous avez interrompu la connexion avant la fin, donc rien n’a été modifié. Vous pouvez vous connecter à tout moment.
    .step = Se connecter
sign-in-unavailable = La connexion ne fonctionne pas pour le moment
    .text = Nous n’avons pas pu joindre le service qui confirme votre connexion. Vous n’y êtes pour rien, et cela s’arrange généralement en quelques minutes. Rien n’a été modifié.
    .step = Réessayer
visit-ended = Votre session sur cette page est fermée
    .text = Ce navigateur n’affiche plus l’association de votre compte à Spotify. L’association elle-même n’a pas changé. Si vous avez une session ouverte sur { $brand }, déconnectez-vous-y aussi.

## Connecting

cancelled = Compte non associé
    .text = Vous avez choisi de ne pas associer votre compte à Spotify, donc rien n’a été modifié. Vous pouvez l’associer à tout moment.
    .step = Associer à Spotify
expired = Veuillez recommencer
    .text = Cette page est restée ouverte trop longtemps, a déjà été utilisée ou provient d’une démarche commencée dans un autre navigateur. Rien n’a été modifié.
    .step = Recommencer
session-changed = Votre session a changé
    .text = Votre session sur { $brand } s’est terminée ou a changé après que vous avez commencé ici, donc rien n’a été modifié. Recommencez avec le compte que vous voulez utiliser.
    .step = Recommencer
used-before = Votre compte est peut-être déjà associé
    .text = Cette étape a déjà été effectuée : elle n’a pas été répétée. Si c’était vous, votre compte { $brand } est peut-être déjà associé à Spotify.
    .step = Voir l’association
    .again = Recommencer
could-not-link = Spotify n’a pas pu associer votre compte
    .text = Le plus probable est que le compte Spotify que vous avez choisi soit déjà associé à un autre compte { $brand }.
    .other-account = Choisir un autre compte Spotify
    .other-account-text = Spotify vous pose à nouveau la question et indique quel compte vous y utilisez.
    .remedies = Si cela ne suffit pas
    .content-access = Voir vos comptes associés sur Spotify
    .content-access-text = S’ouvre dans un nouvel onglet. Connectez-vous-y avec le compte Spotify que vous voulez utiliser et supprimez son association avec { $brand }. Revenez ensuite sur cette page et choisissez à nouveau votre compte Spotify.
    .unlink = Dissocier le compte Spotify précédent
    .unlink-text = Si votre compte { $brand } est associé à un autre compte Spotify, dissociez ce dernier ici, puis associez le bon.
no-entitlements = Il n’y a encore rien à débloquer
    .text = Votre compte { $brand } ne comporte aucun abonnement qui puisse être écouté sur Spotify. Dès que vous en aurez un, revenez et associez votre compte.
    .step = Voir les abonnements
consent-failed = Spotify a signalé une erreur
    .text = Au lieu de vous demander votre accord, Spotify a signalé une erreur. Vous n’y êtes pour rien, et réessayer n’y changera probablement rien. Rien n’a été modifié.
    .step = Réessayer

## Trouble

spotify-unavailable = Spotify ne fonctionne pas pour le moment
    .text = Spotify n’a pas répondu ou a signalé un problème, donc ce n’est peut-être pas encore fait. Vous n’y êtes pour rien, et cela s’arrange généralement en quelques minutes.
    .step = Réessayer
unavailable = Un instant, s’il vous plaît
    .text = Nous n’avons pas pu le faire à l’instant. Veuillez réessayer dans une minute.
    .step = Réessayer
internal-error = Un problème est survenu
    .text = C’est notre faute, pas la vôtre. Veuillez réessayer plus tard.
    .step = Réessayer
not-found = Il n’y a rien ici
    .text = Cette page n’existe pas.
malformed = Ce lien ne fonctionne pas
    .text = Il manque quelque chose dans l’adresse, ou quelque chose y a été modifié en chemin.
    .step = Recommencer

## Disconnecting

unlink = Dissocier votre compte de Spotify ?
    .text = Spotify ne lira plus ce que votre compte { $brand } débloque. Votre compte { $brand } reste tel quel.
    .step = Dissocier
    .keep = Conserver l’association
unlink-to-relink = Dissocier le compte Spotify précédent ?
    .text = Le compte Spotify actuellement associé ne lira plus ce que votre compte { $brand } débloque. Ensuite, vous associerez le bon. Votre compte { $brand } reste tel quel.
form-refused = Veuillez rouvrir la page
    .text = Ce formulaire a déjà été utilisé, est trop ancien ou ne provient pas de notre page. Rien n’a été modifié.
    .step = Rouvrir la page
unlinked = Compte dissocié de Spotify
    .text = Votre compte { $brand } n’est plus associé à Spotify. Vous pouvez l’associer à nouveau à tout moment.
    .again = Associer à nouveau à Spotify
unlinked-to-relink = Associez maintenant le bon compte Spotify
    .text = Le compte Spotify précédent est dissocié. Spotify vous pose à nouveau la question et indique quel compte vous y utilisez.
    .step = Choisir un compte Spotify

## The account page

account = Association de votre compte à Spotify
    .reference = Référence du compte :
    .linked = Associé
    .linked-text = Spotify vient de confirmer que votre compte { $brand } est associé.
    .since = Associé depuis le { $month ->
        [month-1] { $day } janvier { $year }
        [month-2] { $day } février { $year }
        [month-3] { $day } mars { $year }
        [month-4] { $day } avril { $year }
        [month-5] { $day } mai { $year }
        [month-6] { $day } juin { $year }
        [month-7] { $day } juillet { $year }
        [month-8] { $day } août { $year }
        [month-9] { $day } septembre { $year }
        [month-10] { $day } octobre { $year }
        [month-11] { $day } novembre { $year }
       *[month-12] { $day } décembre { $year }
    }
    .not-linked = Non associé
    .not-linked-text = Spotify vient d’indiquer que votre compte { $brand } n’est pas associé.
    .unknown = Inconnu pour le moment
    .unknown-text = Nous n’avons pas pu demander à Spotify si votre compte est associé. Veuillez revenir voir dans quelques minutes.
    .pending = Une modification de votre abonnement est encore en cours d’envoi à Spotify. Elle arrive généralement en quelques minutes.
    .unlocked = Débloqué sur Spotify
    .unlocked-nothing = Actuellement, votre compte { $brand } ne débloque rien sur Spotify.
    .shows = Podcasts
    .listen = Écouter { $show } sur Spotify
    .listen-short = Écouter
    .included-in = Inclus dans
    .connect = Associer à Spotify
    .disconnect = Dissocier de Spotify
