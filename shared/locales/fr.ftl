# What people read on soa-link's pages, in French. en.ftl is the source; see there for what each text is for.

## On every page

back = Retourner sur { $brand }
help = Obtenir de l’aide
request-id = Identifiant de la requête :

## Signing in

signed-out = Veuillez d’abord vous connecter
    .text = Personne n’est connecté sur { $brand } dans ce navigateur. Connectez-vous-y, puis choisissez à nouveau d’associer votre compte à Spotify.
sign-in = Se connecter
sign-in-refused = Veuillez vous reconnecter
    .text = Votre connexion a expiré, a déjà été utilisée ou a été commencée dans un autre navigateur. Rien n’a été modifié.
    .step = Se reconnecter
sign-in-cancelled = Connexion non effectuée
    .text = Vous avez interrompu la connexion avant la fin, donc rien n’a été modifié. Vous pouvez vous connecter à tout moment.
    .step = Se connecter
sign-in-unavailable = La connexion ne fonctionne pas pour le moment
    .text = Nous n’avons pas pu joindre le service de connexion. Vous n’y êtes pour rien, et cela s’arrange généralement en quelques minutes. Rien n’a été modifié.
    .step = Réessayer

## Linking

cancelled = Compte non associé
    .text = Vous avez choisi de ne pas associer votre compte à Spotify, donc rien n’a été modifié. Vous pouvez l’associer à tout moment.
    .step = Associer à Spotify
expired = Veuillez recommencer
    .text = Cette page est restée ouverte trop longtemps, a déjà été utilisée ou provient d’une démarche commencée dans un autre navigateur. Rien n’a été modifié.
    .step = Recommencer
used-before = Votre compte est peut-être déjà associé
    .text = Cette étape a déjà été effectuée : elle n’a pas été répétée. Si c’était vous, votre compte { $brand } est peut-être déjà associé à Spotify.
    .step = Voir l’association
    .again = Recommencer
could-not-link = Spotify n’a pas pu associer votre compte
    .text = Spotify n’a pas accepté l’association. Cela est certain ; la raison ne l’est pas.
    .likely = Le plus probable est que l’un des deux comptes soit déjà associé à un autre : votre compte Spotify à un autre compte { $brand }, ou votre compte { $brand } à un autre compte Spotify.
    .remedies = Ce que vous pouvez faire, en commençant par le plus simple :
    .other-account = Choisir un autre compte Spotify
    .other-account-text = Spotify vous pose à nouveau la question et indique quel compte vous y utilisez.
    .content-access = Voir vos comptes associés sur Spotify
    .content-access-text = S’ouvre dans un nouvel onglet. Connectez-vous-y avec le compte Spotify que vous voulez utiliser et supprimez son association avec { $brand }. Revenez ensuite sur cette page et choisissez la première option.
    .unlink = Dissocier le compte Spotify précédent
    .unlink-text = Si votre compte { $brand } est associé à un autre compte Spotify, dissociez ce dernier ici, puis associez le bon.
no-entitlements = Il n’y a encore rien à débloquer
    .text = Votre compte { $brand } ne comporte aucun abonnement qui puisse être écouté sur Spotify. Dès que vous en aurez un, revenez et associez votre compte.
    .step = Voir les abonnements

## Trouble

spotify-unavailable = Spotify ne répond pas
    .text = Nous n’avons pas pu joindre Spotify à l’instant, donc ce n’est pas encore fait. Vous n’y êtes pour rien, et cela s’arrange généralement en quelques minutes.
    .step = Réessayer
unavailable = Un instant, s’il vous plaît
    .text = Nous n’avons pas pu le faire à l’instant. Veuillez réessayer dans une minute.
    .step = Réessayer
internal-error = Un problème est survenu
    .text = C’est notre faute, pas la vôtre. Veuillez réessayer plus tard. Si cela se reproduit, indiquez à l’assistance l’identifiant de la requête ci-dessous.
    .step = Réessayer
not-found = Il n’y a rien ici
    .text = Cette page n’existe pas.
malformed = Ce lien ne fonctionne pas
    .text = Il manque quelque chose dans l’adresse, ou quelque chose y a été modifié en chemin.
    .step = Recommencer

## Unlinking

unlink = Dissocier votre compte de Spotify ?
    .text = Vous n’entendrez plus { $brand } sur Spotify avec votre abonnement. L’abonnement lui-même continue.
    .step = Dissocier
    .keep = Conserver l’association
unlink-to-relink = Dissocier le compte Spotify précédent ?
    .text = Le compte Spotify actuellement associé à votre compte { $brand } n’en lira plus le contenu. Ensuite, vous associerez le bon. Votre abonnement continue.
form-refused = Veuillez rouvrir la page
    .text = Ce formulaire a déjà été utilisé, est trop ancien ou ne provient pas de notre page. Rien n’a été modifié.
    .step = Rouvrir la page
unlinked = Compte dissocié de Spotify
    .text = Votre compte n’est plus associé à Spotify. Votre abonnement continue, et vous pouvez associer à nouveau votre compte à tout moment.
    .again = Associer à nouveau à Spotify
unlinked-to-relink = Associez maintenant le bon compte Spotify
    .text = Le compte Spotify précédent est dissocié. Spotify vous pose à nouveau la question et indique quel compte vous y utilisez.
    .step = Choisir un compte Spotify

## The account page

account = Association de votre compte à Spotify
    .name = Session ouverte sur { $brand } en tant que { $name }
    .reference = Référence du compte :
    .linked = Associé
    .linked-text = Spotify vient de confirmer que votre compte { $brand } est associé.
    .not-linked = Non associé
    .not-linked-text = Spotify vient d’indiquer que votre compte { $brand } n’est pas associé.
    .unknown = Inconnu pour le moment
    .unknown-text = Nous n’avons pas pu demander à Spotify si votre compte est associé. Veuillez revenir voir dans quelques minutes.
    .unlocked = Débloqué sur Spotify :
    .unlocked-nothing = Votre abonnement ne débloque encore rien sur Spotify.
    .shows = Podcasts
    .listen = Écouter { $show } sur Spotify
    .connect = Associer à Spotify
    .disconnect = Dissocier de Spotify
