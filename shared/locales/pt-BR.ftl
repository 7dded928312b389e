# What people read on soa-link's pages, in Brazilian Portuguese. en.ftl is the source; see there for what each text is for.

## On every page

back = Voltar para { $brand }
help = Obter ajuda
request-id = ID da solicitação:

## Signing in

signed-out = Faça login primeiro
    .text = Não há nenhum login ativo em { $brand } neste navegador. Faça login lá e depois escolha novamente conectar ao Spotify.
sign-in = Fazer login
sign-in-refused = Faça login novamente
    .text = Seu login expirou, já foi usado ou foi iniciado em outro navegador. Nada foi alterado.
    .step = Fazer login novamente
sign-in-cancelled = Você não fez login
    .text = Você cancelou antes de fazer login, por isso nada foi alterado. Você pode fazer login quando quiser.
    .step = Fazer login
sign-in-unavailable = O login não está funcionando no momento
    .text = Não conseguimos acessar o serviço de login. A culpa não é sua, e isso costuma passar em alguns minutos. Nada foi alterado.
    .step = Tentar novamente

## Linking

cancelled = Conta não conectada
    .text = Você optou por não conectar sua conta ao Spotify, por isso nada foi alterado. Você pode conectá-la quando quiser.
    .step = Conectar ao Spotify
expired = Comece de novo
    .text = Esta página ficou aberta por tempo demais, já foi usada ou foi iniciada em outro navegador. Nada foi alterado.
    .step = Começar de novo
used-before = Sua conta talvez já esteja conectada
    .text = Esta etapa já foi feita antes, por isso não foi repetida. Se foi você, sua conta em { $brand } talvez já esteja conectada ao Spotify.
    .step = Ver sua conexão
    .again = Começar de novo
could-not-link = O Spotify não conseguiu conectar sua conta
    .text = O Spotify não aceitou a conexão. Disso temos certeza; do motivo, não.
    .likely = O mais provável é que uma das duas contas já esteja conectada a outra: sua conta do Spotify a outra conta em { $brand }, ou sua conta em { $brand } a outra conta do Spotify.
    .remedies = O que você pode fazer, começando pelo mais fácil:
    .other-account = Escolher outra conta do Spotify
    .other-account-text = O Spotify pergunta novamente e mostra qual conta você está usando lá.
    .content-access = Ver suas conexões no Spotify
    .content-access-text = Abre em uma nova aba. Faça login lá com a conta do Spotify que você quer usar e remova a conexão dela com { $brand }. Depois, volte a esta página e escolha a primeira opção.
    .unlink = Desconectar a conta anterior do Spotify
    .unlink-text = Se sua conta em { $brand } estiver conectada a outra conta do Spotify, desconecte essa outra aqui e depois conecte a certa.
no-entitlements = Ainda não há nada para desbloquear
    .text = Sua conta em { $brand } não tem nenhuma assinatura que possa ser ouvida no Spotify. Quando tiver uma, volte e conecte sua conta.
    .step = Ver assinaturas

## Trouble

spotify-unavailable = O Spotify não responde
    .text = Não foi possível acessar o Spotify agora, por isso isto ainda não foi feito. A culpa não é sua, e isso costuma passar em alguns minutos.
    .step = Tentar novamente
unavailable = Um momento, por favor
    .text = Não conseguimos fazer isso agora. Tente novamente em um minuto.
    .step = Tentar novamente
internal-error = Algo deu errado
    .text = A culpa é nossa, não sua. Tente novamente mais tarde. Se acontecer de novo, informe ao suporte o ID da solicitação abaixo.
    .step = Tentar novamente
not-found = Não há nada aqui
    .text = Esta página não existe.
malformed = Este link não funciona
    .text = Algo no endereço está faltando ou foi alterado no caminho.
    .step = Começar de novo

## Unlinking

unlink = Desconectar do Spotify?
    .text = Você não ouvirá mais { $brand } no Spotify com sua assinatura. A assinatura em si continua.
    .step = Desconectar
    .keep = Manter conectada
unlink-to-relink = Desconectar a conta anterior do Spotify?
    .text = A conta do Spotify que está conectada agora à sua conta em { $brand } não reproduzirá mais o conteúdo de lá. Em seguida, você conecta a certa. Sua assinatura continua.
form-refused = Abra a página novamente
    .text = Este formulário já foi usado, é antigo demais ou não veio da nossa página. Nada foi alterado.
    .step = Abrir a página novamente
unlinked = Conta desconectada do Spotify
    .text = Sua conta não está mais conectada ao Spotify. Sua assinatura continua, e você pode conectar novamente quando quiser.
    .again = Conectar ao Spotify novamente
unlinked-to-relink = Agora conecte a conta certa do Spotify
    .text = A conta anterior do Spotify está desconectada. O Spotify pergunta novamente e mostra qual conta você está usando lá.
    .step = Escolher uma conta do Spotify

## The account page

account = Sua conexão com o Spotify
    .name = Login feito em { $brand } como { $name }
    .reference = Referência da conta:
    .linked = Conectada
    .linked-text = O Spotify acabou de confirmar que sua conta em { $brand } está conectada.
    .not-linked = Não conectada
    .not-linked-text = O Spotify acabou de informar que sua conta em { $brand } não está conectada.
    .unknown = Não se sabe no momento
    .unknown-text = Não foi possível perguntar ao Spotify se sua conta está conectada. Confira novamente em alguns minutos.
    .unlocked = Desbloqueado no Spotify:
    .unlocked-nothing = Sua assinatura ainda não desbloqueia nada no Spotify.
    .shows = Podcasts
    .listen = Ouvir { $show } no Spotify
    .connect = Conectar ao Spotify
    .disconnect = Desconectar do Spotify
