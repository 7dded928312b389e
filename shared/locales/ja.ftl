# What people read on soa-link's pages, in Japanese. en.ftl is the source; see there for what each text is for.

## On every page

back = { $brand }に戻る
help = サポートを受ける
request-id = リクエストID：

## Signing in

signed-out = 先にログインしてください
    .text = このブラウザでは、{ $brand }にログインしていない状態です。ログインしてから、もう一度Spotifyとの連携を選んでください。
sign-in = ログインする
sign-in-refused = もう一度ログインしてください
    .text = このログインは、有効期限が切れたか、すでに使用されたか、別のブラウザで開始されたものです。何も変更されていません。
    .step = もう一度ログインする
sign-in-cancelled = ログインしていません
    .text = ログインする前に中断されたため、何も変更されていません。いつでもログインできます。
    .step = ログインする
sign-in-unavailable = 現在、ログインできません
    .text = ログインページに接続できませんでした。お客様に原因はありません。通常は数分で解消します。何も変更されていません。
    .step = もう一度試す

## Linking

cancelled = 連携していません
    .text = アカウントをSpotifyと連携しないことを選択されたため、何も変更されていません。いつでも連携できます。
    .step = Spotifyと連携する
expired = 最初からやり直してください
    .text = このページは、長時間開いたままだったか、すでに使用されたか、別のブラウザで開始されたものです。何も変更されていません。
    .step = 最初からやり直す
used-before = アカウントはすでに連携している可能性があります
    .text = この手順はすでに一度行われたため、もう一度は行いませんでした。ご自身で行った場合、{ $brand }のアカウントはすでにSpotifyと連携している可能性があります。
    .step = 連携状況を見る
    .again = 最初からやり直す
could-not-link = Spotifyがアカウントを連携できませんでした
    .text = Spotifyが連携を受け付けませんでした。確かなのはここまでで、理由は確かではありません。
    .likely = 最も可能性が高いのは、2つのアカウントのどちらかが、すでに別のアカウントと連携していることです。つまり、お使いのSpotifyアカウントが{ $brand }の別のアカウントと、または{ $brand }のアカウントが別のSpotifyアカウントと連携している場合です。
    .remedies = お試しいただける方法（簡単な順）：
    .other-account = 別のSpotifyアカウントを選ぶ
    .other-account-text = Spotifyで再度確認を求められ、そこで使用中のアカウントが表示されます。
    .content-access = Spotifyで連携先を確認する
    .content-access-text = 新しいタブで開きます。使用したいSpotifyアカウントでSpotifyにログインし、そのアカウントと{ $brand }との連携を解除してください。その後、このページに戻り、最初の方法を選んでください。
    .unlink = 以前のSpotifyアカウントの連携を解除する
    .unlink-text = { $brand }のアカウントが別のSpotifyアカウントと連携している場合は、ここでその連携を解除してから、正しいアカウントと連携してください。
no-entitlements = 利用できるようになるものはまだありません
    .text = お使いの{ $brand }のアカウントには、Spotifyで聴けるサブスクリプションがありません。対象のサブスクリプションに登録したら、ここに戻って連携してください。
    .step = サブスクリプションを見る

## Trouble

spotify-unavailable = Spotifyから応答がありません
    .text = ただいまSpotifyに接続できず、まだ処理が完了していません。お客様に原因はありません。通常は数分で解消します。
    .step = もう一度試す
unavailable = 少々お待ちください
    .text = ただいま処理できませんでした。1分ほどしてから、もう一度お試しください。
    .step = もう一度試す
internal-error = 問題が発生しました
    .text = 原因はお客様ではなく、こちらにあります。しばらくしてから、もう一度お試しください。再び発生した場合は、下記のリクエストIDをサポートにお伝えください。
    .step = もう一度試す
not-found = ここには何もありません
    .text = このようなページはありません。
malformed = このリンクは使えません
    .text = アドレスの一部が欠けているか、途中で変更されています。
    .step = 最初からやり直す

## Unlinking

unlink = Spotifyとの連携を解除しますか？
    .text = サブスクリプションを使ってSpotifyで{ $brand }を聴くことはできなくなります。サブスクリプション自体は継続します。
    .step = 連携を解除する
    .keep = 連携を続ける
unlink-to-relink = 以前のSpotifyアカウントの連携を解除しますか？
    .text = 現在{ $brand }のアカウントと連携しているSpotifyアカウントでは、この配信元のコンテンツを再生できなくなります。次に、正しいアカウントと連携します。サブスクリプションは継続します。
form-refused = ページを開き直してください
    .text = このフォームは、すでに使用されたか、古くなったか、当サイトのページ以外から送信されたものです。何も変更されていません。
    .step = ページを開き直す
unlinked = Spotifyとの連携を解除しました
    .text = アカウントはSpotifyと連携していない状態になりました。サブスクリプションは継続します。いつでも再び連携できます。
    .again = もう一度Spotifyと連携する
unlinked-to-relink = 次に、正しいSpotifyアカウントと連携してください
    .text = 以前のSpotifyアカウントの連携は解除されました。Spotifyで再度確認を求められ、そこで使用中のアカウントが表示されます。
    .step = Spotifyアカウントを選ぶ

## The account page

account = Spotifyとの連携
    .name = { $brand }に{ $name }としてログイン中
    .reference = アカウント参照ID：
    .linked = 連携済み
    .linked-text = { $brand }のアカウントが連携していることを、たった今Spotifyが確認しました。
    .not-linked = 未連携
    .not-linked-text = { $brand }のアカウントは連携していないと、たった今Spotifyから回答がありました。
    .unknown = 現在、確認できません
    .unknown-text = アカウントが連携しているかどうかを、Spotifyに問い合わせることができませんでした。数分後にもう一度ご確認ください。
    .unlocked = Spotifyで利用可能：
    .unlocked-nothing = 現在のサブスクリプションによってSpotifyで利用できるようになるものは、まだありません。
    .shows = 番組
    .listen = Spotifyで「{ $show }」を聴く
    .connect = Spotifyと連携する
    .disconnect = Spotifyとの連携を解除する
