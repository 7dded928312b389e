# What people read on soa-link's pages, in Spanish. en.ftl is the source; see there for what each text is for.

## On every page

back = Volver a { $brand }
help = Obtener ayuda
request-id = ID de la solicitud:
tell-support = Si vuelve a pasar, indica al equipo de soporte el ID de la solicitud que aparece abajo.
identity = Tienes la sesión iniciada en { $brand }.
    .named = Sesión iniciada en { $brand } como { $name }.
    .not-you = ¿No eres tú?

## Signing in

signed-out = Inicia sesión primero
    .text = En este navegador no tienes la sesión iniciada en { $brand }. Inicia sesión allí y luego vuelve a esta página.
session-rejected = Vuelve a iniciar sesión
    .text = Tu sesión en { $brand } caducó o no se puede usar aquí. Inicia sesión allí de nuevo y luego vuelve a esta página.
sign-in = Iniciar sesión
sign-in-refused = Vuelve a iniciar sesión
    .text = Tu inicio de sesión caducó, ya se había usado o se empezó en otro navegador. No se cambió nada.
    .step = Volver a iniciar sesión
sign-in-impossible = El inicio de sesión no funciona aquí
    .text = { $brand } te envió aquí con un inicio de sesión que no podemos aceptar. No es culpa tuya, y volver a intentarlo probablemente no servirá de nada. No se cambió nada.
sign-in-cancelled = No iniciaste sesión
    .text = Cancelaste antes de iniciar sesión, así que no se cambió nada. Puedes iniciar sesión cuando quieras.
    .step = Iniciar sesión
sign-in-unavailable = El inicio de sesión no funciona en este momento
    .text = No pudimos acceder al servicio que confirma tu inicio de sesión. No es culpa tuya y suele resolverse en unos minutos. No se cambió nada.
    .step = Intentar de nuevo
visit-ended = Sesión cerrada en esta página
    .text = Este navegador ya no muestra tu conexión con Spotify. La conexión en sí no ha cambiado. Si tienes la sesión iniciada en { $brand }, ciérrala también allí.

## Connecting

cancelled = Cuenta no conectada
    .text = Elegiste no conectar tu cuenta con Spotify, así que no se cambió nada. Puedes conectarla cuando quieras.
    .step = Conectar con Spotify
expired = Empieza de nuevo
    .text = Esta página estuvo abierta demasiado tiempo, ya se había usado o se empezó en otro navegador. No se cambió nada.
    .step = Empezar de nuevo
session-changed = Tu sesión ha cambiado
    .text = Tu sesión en { $brand } terminó o cambió después de que empezaras aquí, así que no se cambió nada. Empieza de nuevo con la cuenta que quieras usar.
    .step = Empezar de nuevo
used-before = Puede que tu cuenta ya esté conectada
    .text = Este paso ya se hizo antes, así que no se ha repetido. Si lo hiciste tú, puede que tu cuenta de { $brand } ya esté conectada con Spotify.
    .step = Ver tu conexión
    .again = Empezar de nuevo
could-not-link = Spotify no pudo conectar tu cuenta
    .text = Lo más probable es que la cuenta de Spotify que elegiste ya esté conectada con otra cuenta de { $brand }.
    .other-account = Elegir otra cuenta de Spotify
    .other-account-text = Spotify te vuelve a preguntar y muestra qué cuenta estás usando allí.
    .remedies = Si eso no funciona
    .content-access = Ver tus conexiones en Spotify
    .content-access-text = Se abre en una pestaña nueva. Inicia sesión allí con la cuenta de Spotify que quieres usar y elimina su conexión con { $brand }. Después, vuelve a esta página y elige de nuevo tu cuenta de Spotify.
    .unlink = Desconectar la cuenta de Spotify anterior
    .unlink-text = Si tu cuenta de { $brand } está conectada con otra cuenta de Spotify, desconecta esa otra aquí y luego conecta la correcta.
no-entitlements = Todavía no hay nada que desbloquear
    .text = Tu cuenta de { $brand } no tiene ninguna suscripción que se pueda escuchar en Spotify. Cuando tengas una, vuelve y conecta tu cuenta.
    .step = Ver suscripciones
consent-failed = Spotify notificó un error
    .text = En lugar de pedir tu consentimiento, Spotify notificó un error. No es culpa tuya, y volver a intentarlo probablemente no servirá de nada. No se cambió nada.
    .step = Intentar de nuevo

## Trouble

spotify-unavailable = Spotify no funciona en este momento
    .text = Spotify no respondió o notificó un problema, así que puede que esto aún no esté hecho. No es culpa tuya y suele resolverse en unos minutos.
    .step = Intentar de nuevo
unavailable = Un momento, por favor
    .text = No pudimos hacerlo en este momento. Inténtalo de nuevo en un minuto.
    .step = Intentar de nuevo
internal-error = Algo salió mal
    .text = Es culpa nuestra, no tuya. Inténtalo de nuevo más tarde.
    .step = Intentar de nuevo
not-found = Aquí no hay nada
    .text = Esta página no existe.
malformed = Este enlace no funciona
    .text = Falta algo en la dirección o algo se modificó en el camino.
    .step = Empezar de nuevo

## Disconnecting

unlink = ¿Desconectar de Spotify?
    .text = Spotify ya no reproducirá lo que desbloquea tu cuenta de { $brand }. Tu cuenta de { $brand } seguirá como está.
    .step = Desconectar
    .keep = Mantener la conexión
unlink-to-relink = ¿Desconectar la cuenta de Spotify anterior?
    .text = La cuenta de Spotify que está conectada ahora ya no reproducirá lo que desbloquea tu cuenta de { $brand }. Después, conectas la correcta. Tu cuenta de { $brand } seguirá como está.
form-refused = Vuelve a abrir la página
    .text = Este formulario ya se había usado, es demasiado antiguo o no procede de nuestra página. No se cambió nada.
    .step = Volver a abrir la página
unlinked = Cuenta desconectada de Spotify
    .text = Tu cuenta de { $brand } ya no está conectada con Spotify. Puedes volver a conectarla cuando quieras.
    .again = Volver a conectar con Spotify
unlinked-to-relink = Ahora conecta la cuenta de Spotify correcta
    .text = La cuenta de Spotify anterior está desconectada. Spotify te vuelve a preguntar y muestra qué cuenta estás usando allí.
    .step = Elegir una cuenta de Spotify

## The account page

account = Tu conexión con Spotify
    .reference = Referencia de la cuenta:
    .linked = Conectada
    .linked-text = Spotify acaba de confirmar que tu cuenta de { $brand } está conectada.
    .since = Conectada desde el { $month ->
        [month-1] { $day } de enero de { $year }
        [month-2] { $day } de febrero de { $year }
        [month-3] { $day } de marzo de { $year }
        [month-4] { $day } de abril de { $year }
        [month-5] { $day } de mayo de { $year }
        [month-6] { $day } de junio de { $year }
        [month-7] { $day } de julio de { $year }
        [month-8] { $day } de agosto de { $year }
        [month-9] { $day } de septiembre de { $year }
        [month-10] { $day } de octubre de { $year }
        [month-11] { $day } de noviembre de { $year }
       *[month-12] { $day } de diciembre de { $year }
    }
    .not-linked = No conectada
    .not-linked-text = Spotify acaba de indicar que tu cuenta de { $brand } no está conectada.
    .unknown = No se sabe en este momento
    .unknown-text = No pudimos preguntar a Spotify si tu cuenta está conectada. Vuelve a comprobarlo en unos minutos.
    .pending = Un cambio en tu suscripción todavía está en camino a Spotify. Suele llegar en unos minutos.
    .unlocked = Desbloqueado en Spotify
    .unlocked-nothing = Ahora mismo, tu cuenta de { $brand } no desbloquea nada en Spotify.
    .shows = Podcasts
    .listen = Escuchar { $show } en Spotify
    .listen-short = Escuchar
    .included-in = Incluido en
    .connect = Conectar con Spotify
    .disconnect = Desconectar de Spotify
