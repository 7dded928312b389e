# What people read on soa-link's pages, in Korean. en.ftl is the source; see there for what each text is for.

## On every page

back = { $brand } 사이트로 돌아가기
help = 도움 받기
request-id = 요청 ID:
tell-support = 문제가 다시 발생하면 아래의 요청 ID를 고객 지원팀에 알려 주세요.
identity = { $brand }에 로그인되어 있습니다.
    .named = { $brand }에 { $name } 계정으로 로그인되어 있습니다.
    .not-you = 본인이 아니신가요?

## Signing in

signed-out = 먼저 로그인해 주세요
    .text = 이 브라우저에서 { $brand }에 로그인되어 있지 않습니다. { $brand }에서 로그인한 다음 이 페이지로 돌아오세요.
session-rejected = 다시 로그인해 주세요
    .text = { $brand } 로그인이 만료되었거나 여기에서 사용할 수 없습니다. { $brand }에서 다시 로그인한 다음 이 페이지로 돌아오세요.
sign-in = 로그인
sign-in-refused = 다시 로그인해 주세요
    .text = 로그인이 만료되었거나, 이미 사용되었거나, 다른 브라우저에서 시작되었습니다. 변경된 내용은 없습니다.
    .step = 다시 로그인
sign-in-impossible = 여기에서는 로그인할 수 없습니다
    .text = { $brand }에서 전달된 로그인을 받아들일 수 없습니다. 고객님의 잘못이 아니며, 다시 시도해도 아마 해결되지 않을 것입니다. 변경된 내용은 없습니다.
sign-in-cancelled = 로그인하지 않았습니다
    .text = 로그인하기 전에 중단하셔서 변경된 내용이 없습니다. 언제든지 로그인할 수 있습니다.
    .step = 로그인
sign-in-unavailable = 지금은 로그인할 수 없습니다
    .text = 로그인을 확인하는 서비스에 접속하지 못했습니다. 고객님의 잘못이 아니며, 보통 몇 분 안에 해결됩니다. 변경된 내용은 없습니다.
    .step = 다시 시도
visit-ended = 이 페이지에서 로그아웃되었습니다
    .text = 이 브라우저에는 더 이상 Spotify 연결이 표시되지 않습니다. 연결 자체는 그대로입니다. { $brand }에 로그인되어 있다면 그곳에서도 로그아웃하세요.

## Connecting

cancelled = 연결하지 않았습니다
    .text = 계정을 Spotify에 연결하지 않기로 선택하셔서 변경된 내용이 없습니다. 언제든지 연결할 수 있습니다.
    .step = Spotify에 연결
expired = 다시 시작해 주세요
    .text = 이 페이지가 너무 오래 열려 있었거나, 이미 사용되었거나, 다른 브라우저에서 시작되었습니다. 변경된 내용은 없습니다.
    .step = 다시 시작
session-changed = 로그인 상태가 바뀌었습니다
    .text = 여기에서 시작한 후 { $brand } 로그인이 종료되었거나 바뀌어 아무것도 변경하지 않았습니다. 사용하려는 계정으로 다시 시작하세요.
    .step = 다시 시작
used-before = 계정이 이미 연결되어 있을 수 있습니다
    .text = 이 단계는 이미 진행되어 다시 진행하지 않았습니다. 직접 진행하셨다면 { $brand } 계정이 이미 Spotify에 연결되어 있을 수 있습니다.
    .step = 연결 상태 보기
    .again = 다시 시작
could-not-link = Spotify에서 계정을 연결하지 못했습니다
    .text = 선택하신 Spotify 계정이 이미 { $brand }의 다른 계정에 연결되어 있을 가능성이 가장 높습니다.
    .other-account = 다른 Spotify 계정 선택
    .other-account-text = Spotify에서 다시 확인을 요청하며, 그곳에서 사용 중인 계정을 보여 줍니다.
    .remedies = 그래도 해결되지 않으면
    .content-access = Spotify에서 내 연결 보기
    .content-access-text = 새 탭에서 열립니다. 사용하려는 Spotify 계정으로 로그인한 다음 { $brand } 연결을 해제하세요. 그런 다음 이 페이지로 돌아와 Spotify 계정을 다시 선택하세요.
    .unlink = 이전 Spotify 계정 연결 해제
    .unlink-text = { $brand } 계정이 다른 Spotify 계정에 연결되어 있다면 여기에서 그 연결을 해제한 다음 올바른 계정을 연결하세요.
no-entitlements = 아직 이용할 수 있는 콘텐츠가 없습니다
    .text = { $brand } 계정에 Spotify에서 들을 수 있는 구독이 없습니다. 구독하신 후 다시 오셔서 연결하세요.
    .step = 구독 상품 보기
consent-failed = Spotify에서 오류를 보고했습니다
    .text = Spotify에서 동의를 요청하지 않고 오류를 보고했습니다. 고객님의 잘못이 아니며, 다시 시도해도 아마 해결되지 않을 것입니다. 변경된 내용은 없습니다.
    .step = 다시 시도

## Trouble

spotify-unavailable = 지금은 Spotify를 이용할 수 없습니다
    .text = Spotify에서 응답하지 않았거나 문제를 보고하여 이 작업이 아직 완료되지 않았을 수 있습니다. 고객님의 잘못이 아니며, 보통 몇 분 안에 해결됩니다.
    .step = 다시 시도
unavailable = 잠시만 기다려 주세요
    .text = 지금은 처리하지 못했습니다. 1분 후에 다시 시도해 주세요.
    .step = 다시 시도
internal-error = 문제가 발생했습니다
    .text = 고객님이 아니라 저희의 잘못입니다. 나중에 다시 시도해 주세요.
    .step = 다시 시도
not-found = 여기에는 아무것도 없습니다
    .text = 해당 페이지가 없습니다.
malformed = 이 링크는 작동하지 않습니다
    .text = 주소의 일부가 빠졌거나 중간에 변경되었습니다.
    .step = 다시 시작

## Disconnecting

unlink = Spotify 연결을 해제할까요?
    .text = { $brand } 계정으로 이용할 수 있는 콘텐츠를 Spotify에서 더 이상 재생할 수 없게 됩니다. { $brand } 계정은 그대로 유지됩니다.
    .step = 연결 해제
    .keep = 연결 유지
unlink-to-relink = 이전 Spotify 계정의 연결을 해제할까요?
    .text = 지금 연결된 Spotify 계정에서는 { $brand } 계정으로 이용할 수 있는 콘텐츠를 더 이상 재생할 수 없게 됩니다. 다음 단계에서 올바른 계정을 연결합니다. { $brand } 계정은 그대로 유지됩니다.
form-refused = 페이지를 다시 열어 주세요
    .text = 이 양식은 이미 사용되었거나, 너무 오래되었거나, 저희 페이지에서 제출된 것이 아닙니다. 변경된 내용은 없습니다.
    .step = 페이지 다시 열기
unlinked = Spotify 연결이 해제되었습니다
    .text = { $brand } 계정은 더 이상 Spotify에 연결되어 있지 않습니다. 언제든지 다시 연결할 수 있습니다.
    .again = Spotify에 다시 연결
unlinked-to-relink = 이제 올바른 Spotify 계정을 연결하세요
    .text = 이전 Spotify 계정의 연결이 해제되었습니다. Spotify에서 다시 확인을 요청하며, 그곳에서 사용 중인 계정을 보여 줍니다.
    .step = Spotify 계정 선택

## The account page

account = 내 Spotify 연결
    .reference = 계정 참조 코드:
    .linked = 연결됨
    .linked-text = { $brand } 계정이 연결되어 있음을 방금 Spotify에서 확인했습니다.
    .since = { $month ->
        [month-1] { $year }년 1월 { $day }일
        [month-2] { $year }년 2월 { $day }일
        [month-3] { $year }년 3월 { $day }일
        [month-4] { $year }년 4월 { $day }일
        [month-5] { $year }년 5월 { $day }일
        [month-6] { $year }년 6월 { $day }일
        [month-7] { $year }년 7월 { $day }일
        [month-8] { $year }년 8월 { $day }일
        [month-9] { $year }년 9월 { $day }일
        [month-10] { $year }년 10월 { $day }일
        [month-11] { $year }년 11월 { $day }일
       *[month-12] { $year }년 12월 { $day }일
    }부터 연결됨
    .not-linked = 연결되지 않음
    .not-linked-text = { $brand } 계정이 연결되어 있지 않다고 방금 Spotify에서 알려 왔습니다.
    .unknown = 지금은 확인할 수 없음
    .unknown-text = 계정이 연결되어 있는지 Spotify에 문의하지 못했습니다. 몇 분 후에 다시 확인해 주세요.
    .pending = 구독 변경 사항이 아직 Spotify에 전달되지 않았습니다. 보통 몇 분 안에 전달됩니다.
    .unlocked = Spotify에서 이용 가능
    .unlocked-nothing = 현재 { $brand } 계정으로 Spotify에서 추가로 이용할 수 있는 콘텐츠가 없습니다.
    .shows = 팟캐스트
    .listen = Spotify에서 { $show } 듣기
    .listen-short = 듣기
    .included-in = 포함된 구독
    .connect = Spotify에 연결
    .disconnect = Spotify 연결 해제
