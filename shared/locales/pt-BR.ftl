# What people read on soa-link's pages, in Brazilian Portuguese. en.ftl is the source; see there for what each text is for.

## On every page

back = Voltar para { $brand }
help = Obter ajuda
request-id = ID da solicitação:
tell-support = Se acontecer de novo, informe ao suporte o ID da solicitação abaixo.
identity = Você fez login em { $brand }.
    .named = Login feito em { $brand } como { $name }.
    .not-you = Não é você?

## Signing in

signed-out = Faça login primeiro
    .text = Você não fez login em { $brand } neste navegador. Faça login lá e depois volte a esta página.
session-rejected = Faça login novamente
    .text = Seu login em { $brand } expirou ou não pode ser usado aqui. Faça login lá novamente e depois volte a esta página.
sign-in = Fazer login
sign-in-refused = Faça login novamente
    .text = Seu login expirou, já foi usado ou foi iniciado em outro navegador. Nada foi alterado.
    .step = Fazer login novamente
sign-in-impossible = O login não funciona aqui
    .text = { $brand } enviou você para cá com um login que não podemos aceitar. A culpa não é sua, e tentar novamente provavelmente não vai adiantar. Nada foi alterado.
sign-in-cancelled = Você não fez login
    .text = Você cancelou antes de fazer login, por isso nada foi alterado. Você pode fazer login quando quiser.
    .step = Fazer login
sign-in-unavailable = O login não está funcionando no momento
    .text = Não conseguimos acessar o serviço que confirma seu login. A culpa não é sua, e isso costuma passar em alguns minutos. Nada foi alterado.
    .step = Tentar novamente
visit-ended = Sua sessão nesta página foi encerrada
    .text = Este navegador não mostra mais sua conexão com o Spotify. A conexão em si não mudou. Se você fez login em { $brand }, saia da sua conta lá também.

## Connecting

cancelled = Conta não conectada
    .text = Você optou por não conectar sua conta ao Spotify, por isso nada foi alterado. Você pode conectá-la quando quiser.
    .step = Conectar ao Spotify
expired = Comece de novo
    .text = Esta página ficou aberta por tempo demais, já foi usada ou foi iniciada em outro navegador. Nada foi alterado.
    .step = Começar de novo
session-changed = Seu login mudou
    .text = Seu login em { $brand } foi encerrado ou mudou depois que você começou aqui, por isso nada foi alterado. Comece de novo com a conta que você quer usar.
    .step = Começar de novo
used-before = Sua conta talvez já esteja conectada
    .text = Esta etapa já foi feita antes, por isso não foi repetida. Se foi você, sua conta em { $brand } talvez já esteja conectada ao Spotify.
    .step = Ver sua conexão
    .again = Começar de novo
could-not-link = O Spotify não conseguiu conectar sua conta
    .text = O mais provável é que a conta do Spotify que você escolheu já esteja conectada a outra conta em { $brand }.
    .other-account = Escolher outra conta do Spotify
    .other-account-text = O Spotify pergunta novamente e mostra qual conta você está usando lá.
    .remedies = Se isso não resolver
    .content-access = Ver suas conexões no Spotify
    .content-access-text = Abre em uma nova aba. Faça login lá com a conta do Spotify que você quer usar e remova a conexão dela com { $brand }. Depois, volte a esta página e escolha novamente sua conta do Spotify.
    .unlink = Desconectar a conta anterior do Spotify
    .unlink-text = Se sua conta em { $brand } estiver conectada a outra conta do Spotify, desconecte essa outra aqui e depois conecte a certa.
no-entitlements = Ainda não há nada para desbloquear
    .text = Sua conta em { $brand } não tem nenhuma assinatura que possa ser ouvida no Spotify. Quando tiver uma, volte e conecte sua conta.
    .step = Ver assinaturas
consent-failed = O Spotify informou um erro
    .text = Em vez de pedir seu consentimento, o Spotify informou um erro. A culpa não é sua, e tentar novamente provavelmente não vai adiantar. Nada foi alterado.
    .step = Tentar novamente

## Trouble

spotify-unavailable = O Spotify não está funcionando no momento
    .text = O Spotify não respondeu ou informou um problema, então talvez isto ainda não tenha sido feito. A culpa não é sua, e isso costuma passar em alguns minutos.
    .step = Tentar novamente
unavailable = Um momento, por favor
    .text = Não conseguimos fazer isso agora. Tente novamente em um minuto.
    .step = Tentar novamente
internal-error = Algo deu errado
    .text = A culpa é nossa, não sua. Tente novamente mais tarde.
    .step = Tentar novamente
not-found = Não há nada aqui
    .text = Esta página não existe.
malformed = Este link não funciona
    .text = Algo no endereço está faltando ou foi alterado no caminho.
    .step = Começar de novo

## Disconnecting

unlink = Desconectar do Spotify?
    .text = O Spotify não vai mais reproduzir o que sua conta em { $brand } desbloqueia. Sua conta em { $brand } continua como está.
    .step = Desconectar
    .keep = Manter conectada
unlink-to-relink = Desconectar a conta anterior do Spotify?
    .text = A conta do Spotify que está conectada agora não vai mais reproduzir o que sua conta em { $brand } desbloqueia. Em seguida, você conecta a certa. Sua conta em { $brand } continua como está.
form-refused = Abra a página novamente
    .text = Este formulário já foi usado, é antigo demais ou não veio da nossa página. Nada foi alterado.
    .step = Abrir a página novamente
unlinked = Conta desconectada do Spotify
    .text = Sua conta em { $brand } não está mais conectada ao Spotify. Você pode conectá-la novamente quando quiser.
    .again = Conectar ao Spotify novamente
unlinked-to-relink = Agora conecte a conta certa do Spotify
    .text = A conta anterior do Spotify está desconectada. O Spotify pergunta novamente e mostra qual conta você está usando lá.
    .step = Escolher uma conta do Spotify

## The account page

account = Sua conexão com o Spotify
    .reference = Referência da conta:
    .linked = Conectada
    .linked-text = O Spotify acabou de confirmar que sua conta em { $brand } está conectada.
    .since = Conectada desde { $month ->
        [month-1] { $day } de janeiro de { $year }
        [month-2] { $day } de fevereiro de { $year }
        [month-3] { $day } de março de { $year }
        [month-4] { $day } de abril de { $year }
        [month-5] { $day } de maio de { $year }
        [month-6] { $day } de junho de { $year }
        [month-7] { $day } de julho de { $year }
        [month-8] { $day } de agosto de { $year }
        [month-9] { $day } de setembro de { $year }
        [month-10] { $day } de outubro de { $year }
        [month-11] { $day } de novembro de { $year }
       *[month-12] { $day } de dezembro de { $year }
    }
    .not-linked = Não conectada
    .not-linked-text = O Spotify acabou de informar que sua conta em { $brand } não está conectada.
    .unknown = Não se sabe no momento
    .unknown-text = Não foi possível perguntar ao Spotify se sua conta está conectada. Confira novamente em alguns minutos.
    .pending = Uma alteração na sua assinatura ainda está a caminho do Spotify. Ela costuma chegar em alguns minutos.
    .unlocked = Desbloqueado no Spotify
    .unlocked-nothing = No momento, sua conta em { $brand } não desbloqueia nada no Spotify.
    .shows = Podcasts
    .listen = Ouvir { $show } no Spotify
    .listen-short = Ouvir
    .included-in = Incluído em
    .connect = Conectar ao Spotify
    .disconnect = Desconectar do Spotify
