# What people read on soa-link's pages, in Spanish. en.ftl is the source; see there for what each text is for.

## On every page

back = Volver a { $brand }
help = Obtener ayuda
request-id = ID de la solicitud:

## Signing in

signed-out = Inicia sesión primero
    .text = En este navegador no hay ninguna sesión iniciada en { $brand }. Inicia sesión allí y luego elige de nuevo conectar con Spotify.
sign-in = Iniciar sesión
sign-in-refused = Vuelve a iniciar sesión
    .text = Tu inicio de sesión caducó, ya se había usado o se empezó en otro navegador. No se cambió nada.
    .step = Volver a iniciar sesión
sign-in-cancelled = No iniciaste sesión
    .text = Cancelaste antes de iniciar sesión, así que no se cambió nada. Puedes iniciar sesión cuando quieras.
    .step = Iniciar sesión
sign-in-unavailable = El inicio de sesión no funciona en este momento
    .text = No pudimos acceder al servicio de inicio de sesión. No es culpa tuya y suele resolverse en unos minutos. No se cambió nada.
    .step = Intentar de nuevo

## Linking

cancelled = Cuenta no conectada
    .text = Elegiste no conectar tu cuenta con Spotify, así que no se cambió nada. Puedes conectarla cuando quieras.
    .step = Conectar con Spotify
expired = Empieza de nuevo
    .text = Esta página estuvo abierta demasiado tiempo, ya se había usado o se empezó en otro navegador. No se cambió nada.
    .step = Empezar de nuevo
used-before = Puede que tu cuenta ya esté conectada
    .text = Este paso ya se hizo antes, así que no se ha repetido. Si lo hiciste tú, puede que tu cuenta de { $brand } ya esté conectada con Spotify.
    .step = Ver tu conexión
    .again = Empezar de nuevo
could-not-link = Spotify no pudo conectar tu cuenta
    .text = Spotify no aceptó la conexión. Eso es seguro; el motivo, no.
    .likely = Lo más probable es que una de las dos cuentas ya esté conectada con otra: tu cuenta de Spotify con otra cuenta de { $brand }, o tu cuenta de { $brand } con otra cuenta de Spotify.
    .remedies = Qué puedes hacer, empezando por lo más fácil:
    .other-account = Elegir otra cuenta de Spotify
    .other-account-text = Spotify te vuelve a preguntar y muestra qué cuenta estás usando allí.
    .content-access = Ver tus conexiones en Spotify
    .content-access-text = Se abre en una pestaña nueva. Inicia sesión allí con la cuenta de Spotify que quieres usar y elimina su conexión con { $brand }. Después, vuelve a esta página y elige la primera opción.
    .unlink = Desconectar la cuenta de Spotify anterior
    .unlink-text = Si tu cuenta de { $brand } está conectada con otra cuenta de Spotify, desconecta esa otra aquí y luego conecta la correcta.
no-entitlements = Todavía no hay nada que desbloquear
    .text = Tu cuenta de { $brand } no tiene ninguna suscripción que se pueda escuchar en Spotify. Cuando tengas una, vuelve y conecta tu cuenta.
    .step = Ver suscripciones

## Trouble

spotify-unavailable = Spotify no responde
    .text = No pudimos comunicarnos con Spotify en este momento, así que esto aún no está hecho. No es culpa tuya y suele resolverse en unos minutos.
    .step = Intentar de nuevo
unavailable = Un momento, por favor
    .text = No pudimos hacerlo en este momento. Inténtalo de nuevo en un minuto.
    .step = Intentar de nuevo
internal-error = Algo salió mal
    .text = Es culpa nuestra, no tuya. Inténtalo de nuevo más tarde. Si vuelve a pasar, indica al equipo de soporte el ID de la solicitud que aparece abajo.
    .step = Intentar de nuevo
not-found = Aquí no hay nada
    .text = Esta página no existe.
malformed = Este enlace no funciona
    .text = Falta algo en la dirección o algo se modificó en el camino.
    .step = Empezar de nuevo

## Unlinking

unlink = ¿Desconectar de Spotify?
    .text = Ya no escucharás { $brand } en Spotify con tu suscripción. La suscripción en sí continúa.
    .step = Desconectar
    .keep = Mantener la conexión
unlink-to-relink = ¿Desconectar la cuenta de Spotify anterior?
    .text = La cuenta de Spotify que ahora está conectada con tu cuenta de { $brand } ya no reproducirá su contenido. Después, conectas la correcta. Tu suscripción continúa.
form-refused = Vuelve a abrir la página
    .text = Este formulario ya se había usado, es demasiado antiguo o no procede de nuestra página. No se cambió nada.
    .step = Volver a abrir la página
unlinked = Cuenta desconectada de Spotify
    .text = Tu cuenta ya no está conectada con Spotify. Tu suscripción continúa y puedes volver a conectar tu cuenta cuando quieras.
    .again = Volver a conectar con Spotify
unlinked-to-relink = Ahora conecta la cuenta de Spotify correcta
    .text = La cuenta de Spotify anterior está desconectada. Spotify te vuelve a preguntar y muestra qué cuenta estás usando allí.
    .step = Elegir una cuenta de Spotify

## The account page

account = Tu conexión con Spotify
    .name = Sesión iniciada en { $brand } como { $name }
    .reference = Referencia de la cuenta:
    .linked = Conectada
    .linked-text = Spotify acaba de confirmar que tu cuenta de { $brand } está conectada.
    .not-linked = No conectada
    .not-linked-text = Spotify acaba de indicar que tu cuenta de { $brand } no está conectada.
    .unknown = No se sabe en este momento
    .unknown-text = No pudimos preguntar a Spotify si tu cuenta está conectada. Vuelve a comprobarlo en unos minutos.
    .unlocked = Desbloqueado en Spotify:
    .unlocked-nothing = Tu suscripción todavía no desbloquea nada en Spotify.
    .shows = Podcasts
    .listen = Escuchar { $show } en Spotify
    .connect = Conectar con Spotify
    .disconnect = Desconectar de Spotify
