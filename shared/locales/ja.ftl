# What people read on soa-link's pages, in Japanese. en.ftl is the source; see there for what each text is for.

## On every page

back = { $brand }に戻る
help = サポートを受ける
request-id = リクエストID：
tell-support = 再び発生した場合は、下記のリクエストIDをサポートにお伝えください。
identity = { $brand }にログイン中です。
    .named = { $brand }に{ $name }としてログイン中です。
    .not-you = ご本人ではありませんか？

## Signing in

signed-out = 先にログインしてください
    .text = このブラウザでは、{ $brand }にログインしていない状態です。{ $brand }にログインしてから、このページに戻ってください。
session-rejected = もう一度ログインしてください
    .text = { $brand }でのログインは、有効期限が切れたか、ここでは使用できないものです。{ $brand }にもう一度ログインしてから、このページに戻ってください。
sign-in = ログインする
sign-in-refused = もう一度ログインしてください
    .text = このログインは、有効期限が切れたか、すでに使用されたか、別のブラウザで開始されたものです。何も変更されていません。
    .step = もう一度ログインする
sign-in-impossible = ここではログインできません
    .text = { $brand }から引き継いだログインを受け付けることができません。お客様に原因はありません。もう一度試しても、おそらく解決しません。何も変更されていません。
sign-in-cancelled = ログインしていません
    .text = ログインする前に中断されたため、何も変更されていません。いつでもログインできます。
    .step = ログインする
sign-in-unavailable = 現在、ログインできません
    .text = ログインを確認するサービスにアクセスできませんでした。お客様に原因はありません。通常は数分で解消します。何も変更されていません。
    .step = もう一度試す
visit-ended = このページからログアウトしました
    .text = このブラウザには、Spotifyとの連携は表示されなくなりました。連携そのものは変わっていません。{ $brand }にログインしている場合は、そちらでもログアウトしてください。

## Connecting

cancelled = 連携していません
    .text = アカウントをSpotifyと連携しないことを選択されたため、何も変更されていません。いつでも連携できます。
    .step = Spotifyと連携する
expired = 最初からやり直してください
    .text = このページは、長時間開いたままだったか、すでに使用されたか、別のブラウザで開始されたものです。何も変更されていません。
    .step = 最初からやり直す
session-changed = ログイン状態が変わりました
    .text = ここで手続きを始めた後に{ $brand }でのログインが終了したか変わったため、何も変更されていません。使用したいアカウントで、最初からやり直してください。
    .step = 最初からやり直す
used-before = アカウントはすでに連携している可能性があります
    .text = この手順はすでに一度行われたため、もう一度は行いませんでした。ご自身で行った場合、{ $brand }のアカウントはすでにSpotifyと連携している可能性があります。
    .step = 連携状況を見る
    .again = 最初からやり直す
could-not-link = Spotifyがアカウントを連携できませんでした
    .text = 最も可能性が高いのは、選択したSpotifyアカウントが、すでに{ $brand }の別のアカウントと連携していることです。
    .other-account = 別のSpotifyアカウントを選ぶ
    .other-account-text = Spotifyで再度確認を求められ、そこで使用中のアカウントが表示されます。
    .remedies = それでも解決しない場合
    .content-access = Spotifyで連携先を確認する
    .content-access-text = 新しいタブで開きます。使用したいSpotifyアカウントでSpotifyにログインし、そのアカウントと{ $brand }との連携を解除してください。その後、このページに戻り、もう一度ご自分のSpotifyアカウントを選んでください。
    .unlink = 以前のSpotifyアカウントの連携を解除する
    .unlink-text = { $brand }のアカウントが別のSpotifyアカウントと連携している場合は、ここでその連携を解除してから、正しいアカウントと連携してください。
no-entitlements = 利用できるようになるものはまだありません
    .text = お使いの{ $brand }のアカウントには、Spotifyで聴けるサブスクリプションがありません。対象のサブスクリプションに登録したら、ここに戻って連携してください。
    .step = サブスクリプションを見る
consent-failed = Spotifyからエラーが返されました
    .text = Spotifyで同意の確認が行われず、エラーが返されました。お客様に原因はありません。もう一度試しても、おそらく解決しません。何も変更されていません。
    .step = もう一度試す

## Trouble

spotify-unavailable = 現在、Spotifyを利用できません
    .text = Spotifyから応答がなかったか、問題が報告されたため、まだ処理が完了していない可能性があります。お客様に原因はありません。通常は数分で解消します。
    .step = もう一度試す
unavailable = 少々お待ちください
    .text = ただいま処理できませんでした。1分ほどしてから、もう一度お試しください。
    .step = もう一度試す
internal-error = 問題が発生しました
    .text = 原因はお客様ではなく、こちらにあります。しばらくしてから、もう一度お試しください。
    .step = もう一度試す
not-found = ここには何もありません
    .text = このようなページはありません。
malformed = このリンクは使えません
    .text = アドレスの一部が欠けているか、途中で変更されています。
    .step = 最初からやり直す

## Disconnecting

unlink = Spotifyとの連携を解除しますか？
    .text = { $brand }のアカウントによって利用できるコンテンツは、Spotifyで再生できなくなります。{ $brand }のアカウント自体は変わりません。
    .step = 連携を解除する
    .keep = 連携を続ける
unlink-to-relink = 以前のSpotifyアカウントの連携を解除しますか？
    .text = 現在連携しているSpotifyアカウントでは、{ $brand }のアカウントによって利用できるコンテンツを再生できなくなります。次に、正しいアカウントと連携します。{ $brand }のアカウント自体は変わりません。
form-refused = ページを開き直してください
    .text = このフォームは、すでに使用されたか、古くなったか、当サイトのページ以外から送信されたものです。何も変更されていません。
    .step = ページを開き直す
unlinked = Spotifyとの連携を解除しました
    .text = { $brand }のアカウントは、Spotifyと連携していない状態になりました。いつでも再び連携できます。
    .again = もう一度Spotifyと連携する
unlinked-to-relink = 次に、正しいSpotifyアカウントと連携してください
    .text = 以前のSpotifyアカウントの連携は解除されました。Spotifyで再度確認を求められ、そこで使用中のアカウントが表示されます。
    .step = Spotifyアカウントを選ぶ

## The account page

account = Spotifyとの連携
    .reference = アカウント参照ID：
    .linked = 連携済み
    .linked-text = { $brand }のアカウントが連携していることを、たった今Spotifyが確認しました。
    .since = { $month ->
        [month-1] { $year }年1月{ $day }日
        [month-2] { $year }年2月{ $day }日
        [month-3] { $year }年3月{ $day }日
        [month-4] { $year }年4月{ $day }日
        [month-5] { $year }年5月{ $day }日
        [month-6] { $year }年6月{ $day }日
        [month-7] { $year }年7月{ $day }日
        [month-8] { $year }年8月{ $day }日
        [month-9] { $year }年9月{ $day }日
        [month-10] { $year }年10月{ $day }日
        [month-11] { $year }年11月{ $day }日
       *[month-12] { $year }年12月{ $day }日
    }から連携中
    .not-linked = 未連携
    .not-linked-text = { $brand }のアカウントは連携していないと、たった今Spotifyから回答がありました。
    .unknown = 現在、確認できません
    .unknown-text = アカウントが連携しているかどうかを、Spotifyに問い合わせることができませんでした。数分後にもう一度ご確認ください。
    .pending = サブスクリプションの変更が、まだSpotifyに反映されていません。通常は数分で反映されます。
    .unlocked = Spotifyで利用可能
    .unlocked-nothing = 現在、{ $brand }のアカウントによってSpotifyで利用できるようになるものはありません。
    .shows = 番組
    .listen = Spotifyで「{ $show }」を聴く
    .listen-short = 聴く
    .included-in = 対象のサブスクリプション
    .connect = Spotifyと連携する
    .disconnect = Spotifyとの連携を解除する
