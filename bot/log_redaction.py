"""Hides secrets in the log text of a pipeline's worker, and leaves what a blockchain worker is about.

Block heights, 0x hashes, addresses, `pipe_…` ids, uids and keys of records stay. The table is our own: detect-secrets
flags each hash with its entropy plugins, and without them it misses `password=…` (measured: design.md, trap 6).
Every repetition that can overlap with another one has a limit, so the time grows with the text and no faster.
"""

import re
from html import unescape
from urllib.parse import unquote

REDACTED = "[redacted]"
EMAIL = "[e-mail]"

_I = re.IGNORECASE | re.VERBOSE

_COLOURS = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033)\[[0-9;?]{0,16}[a-z]", re.IGNORECASE)

_BLOCK = re.compile(
    r"""
      -----BEGIN\ [A-Z0-9 ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----
        (?: (?: [^-] | -(?!----) ){0,16000} -----END\ [A-Z0-9 ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----
          # Cut off before its end. A log may write the time before each line of the key.
          | [^-]{0,16000} (?: [^\n]{0,100}? [\w+/=]{40,200} [\ \t"',]{0,4} (?: \n | \Z ) ){0,80} )
    # A tail may begin within a block.
    | (?: ^ [\w+/=]{1,80} \s{0,2} \n ){1,80} -----END\ [A-Z0-9 ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----
    | (?<! [\w+/=\\] ) (?: [\w+/=]{1,80} \\n ){1,80} -----END\ [A-Z0-9 ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----
    """,
    re.VERBOSE | re.MULTILINE,
)

# Tokens that their form reveals. The first group is what stays.
_TOKEN = re.compile(
    r"""
      (?<![\w-]) (
          cqt_ | xox[a-z]- | xapp- | gh[pousr]_ | github_pat_ | gl(?:pat|ptt|dt|rt|sa_)[-_]? (?=[\w-]{16}) | npm_ | hf_
        | pypi- (?=[\w-]{16}) | dop_v1_ | shp(?:at|ca|pa|ss)_ | sq0[a-z]{3}- | whsec_ | [rs]k_(?:live|test)_
        | sk- (?=[\w-]{20}) | GOCSPX- | ya29\. | AGE-SECRET-KEY-1 | hvs\. (?=[\w-]{16}) | dp\.[a-z]{2,6}\. (?=\w{16})
        | NRAK- | PMAK- | dapi (?=[0-9a-f]{32}\b) | key- (?=[0-9a-f]{32}\b) | AIza (?=[\w-]{30}) | SG\. (?=[\w-]{16})
        | xprv (?=\w{90}) | EAACEdEose0cBA | ops_ (?=eyJ) | LTAI (?=[A-Za-z0-9]{16})
      ) [\w.-]{6,}
    | (?<![\w/+-]) () (?:AKIA|ASIA|AGPA|AROA|AIDA|ANPA|ABIA|ACCA) [A-Z0-9]{16} (?![A-Za-z0-9])
    # The form of a secret key of AWS: no words, hence no path.
    | (?<![\w/+=.-]) () (?=\w{0,39}[/+]) (?=[\w/+]{0,39}\d) (?=[^A-Z]{0,39}[A-Z])
        (?![\w/+]{0,36}[a-z]{5}) [A-Za-z0-9/+]{40} (?![\w/+=.-])
    | (?<![\w/+-]) () (?:FwoGZXIvYXdz|IQoJb3JpZ2lu) [\w/+=%]{20,}
    | (?<![\w-]) () SK[0-9a-f]{32} \b
    | (?: (?<![\w-]) | (?<=/bot) ) () \d{8,10}:AA[\w-]{30,}
    | (?<![\w-]) () eyJ[\w-]{8,} (?: [\r\n]{0,2} \. [\r\n]{0,2} [\w-]{2,} ){1,4}
    | (?<![\w-]) () eyJ[\w-]{24,}
    | ( \bhooks\.slack(?:-gov)?\.com/ | \bdiscord(?:app)?\.com/api/webhooks/ | \bwebhook\.office\.com/ ) [^\s'"<>]{8,}
    | ( \b(?:infura\.io/(?:ws/)?v3 | (?:alchemy|alchemyapi)\.(?:com|io)/v2 | quiknode\.pro | blastapi\.io
        | ankr\.com/[\w-]{1,40} | chainstack\.com | getblock\.io | drpc\.org/[\w-]{1,20} )/ ) [\w-]{16,}
    """,
    re.VERBOSE,
)

# The login of an address of any scheme. A password may contain "/" and "@".
_LOGIN = re.compile(
    r"""
      ( \b[a-z][a-z0-9+.-]{1,30}:// )
        (?! (?<!http://) (?<!https://) [a-z][a-z_-]{1,24} @ )  # a database's user alone is no secret
        (?: [^\s'"<>@/:]{0,128} : (?! \d{1,5} / ) (?: [^\s'"<>@] | \\\n[ \t]{0,40} ){0,256} | [^\s'"<>@/]{1,256} )
        (?: @ (?: (?!://) [^\s'"<>@] ){0,256} (?=@) ){0,4} (?=@)
    | ( (?<![\w:@/.-]) [\w.-]{1,64}: ) [^\s'"<>@:/]{1,128} (?= @(?: (?:tcp|unix|udp)\( | / ) )
    | ( \bjdbc:oracle:[a-z0-9]{1,8}: [^\s'"/@]{0,64} / ) [^\s'"@]{1,128} (?=@)
    | ( \b(?: (?:docker|podman|registry)\ login | mysql\w{0,10} | mariadb\w{0,10} | mongo\w{0,10} | sshpass ) \b
        [^\n|;]{0,256}? [ ] -p [ ]? ['"]? ) [^\s'"]{1,256}
    | ( \bcurl \b [^\n|;]{0,512}? [ ] (?: -u | --user | --proxy-user ) [ =] ['"]? [^\s'":]{1,64} : ) [^\s'"]{1,256}
    """,
    _I,
)

_STRONG = r"""
      pass(?:word|wd|phrase|code) (?:_?hash)? | pwd | (?<![a-z]) pw | passwort | secrets? | credentials? | mnemonic
    | seed_?phrase
    | (?:secret|private|priv|api|service|access|signing|encryption|master|shared|license|auth|client|consumer|app
       |webhook|ssh|pgp|hmac|jwt|session|clickhouse|function|integration|subscription|ingestion|ingest|admin)[ _.-]?key
    | (?<=[_-]) pass
    | (?:auth|access|refresh|id|session|security|bearer|api|csrf|xsrf|oauth|jwt|bot|app|service|user|login|vault|push
       |device|client|personal|deploy)[ _.-]?token
    | account\.key (?: \.[\w-]{1,40} ){1,6} | tls\.key | accountkey
    | sharedaccess(?:key|signature) | x-amz-(?:signature|credential|security-token)
    | (?<![a-z]) (?:sas|otp) | cookie | authorization | x-clickhouse-key | x-api-key | session_?id | sessid
"""
# Words that mean something harmless in a worker's log, too.
_WEAK = r"""
      token | (?<=["']) auth (?= \\{0,3}["'] ) | signature | sig | ticket | (?:routing|account|storage)[_ -]?key
    | (?<![_-]) pass
"""
_WORD_BEGINS = r"(?: (?<![a-z]) | (?<= \\[nrt] ) )"

_OPEN = r"""\\{0,3} ["'] """  # a quote, also one within a JSON string
_VALUE = r"""
    (?: (?P<quote> \\{0,3} ["'] ) (?: (?! (?P=quote) ) (?: \\. | [^\n] ) ){0,4096} (?= (?P=quote) | \n | \Z )
      | (?: \[redacted\] | [^\s'"&,;)}\]>|\\] ){1,4096}
    )
"""

_NAMED = re.compile(
    rf"""
    (?P<name> {_STRONG} | (?P<weak> {_WORD_BEGINS} (?: {_WEAK} ) ) )
    (?P<between> (?: {_OPEN} \]? | \] )? [^\S\n]* (?: => | -> | → | := | = | : ) [^\S\n]*
        (?: b(?={_OPEN}) | string\(\d{{1,4}}\)[ ] | Some\( | \[ | (?: [a-z]{{1,30}}\( ){{1,2}} (?={_OPEN}) )?
        (?: \n? [^\S\n]* (?={_OPEN}) )? )
    (?P<scheme> (?: {_OPEN} )? (?: basic | bearer | digest | negotiate | apikey | token ) [^\S\n]+ )?
    (?P<value> {_VALUE} )
    """,
    _I,
)
# A key as a list of bytes, as Solana's tools write it.
_BYTES = re.compile(
    rf"( (?:secret|private)[ _.-]?key (?:{_OPEN})? [^\S\n]* [:=] \s{{0,4}} )"
    r" \[ (?: \s{0,8} \d{1,3} \s{0,2} , ){7,128} [^\]]{0,8} \]?",
    _I,
)
_FLAG = re.compile(
    rf"( --(?:[a-z]{{1,20}}-){{0,3}}(?:password|passwd|secret|token|api-key|key)"
    rf" (?: [^\S\n]+ | {_OPEN} ,? [^\S\n]* (?={_OPEN}) ) ) (?!-) {_VALUE}",
    _I,
)
# A name and its value as two fields, an element of XML, a phrase, or SQL.
_PAIR = re.compile(
    rf"""
    ( (?<![a-z]) (?:name|key|id) (?:{_OPEN})? [^\S\n]* [=:] [^\S\n]* (?:{_OPEN})?
        [\w.-]{{0,60}}? (?: {_STRONG} | token ) (?: [_.-] \w{{1,20}} )? (?:{_OPEN})?
        [\s,]{{1,40}} (?:{_OPEN})? value (?:{_OPEN})? [^\S\n]* [=:] [^\S\n]* )
        {_VALUE}
    """,
    _I,
)
_ELEMENT = re.compile(rf"( < [\w:.-]{{0,40}}? (?: {_STRONG} | token ) [\w:.-]{{0,20}} > ) [^<\n]{{1,4096}} (?=</)", _I)
_SQL = re.compile(
    r"""
      ( \b identified \b [^'"\n]{0,60} \b by \s+ ['"] ) [^'"\n]{1,256}
    | ( (?: pass(?:word|wd|phrase) | pwd | _key | _token ) [^\S\n]+ ['"] ) [^'"\n]{1,256}
    | ( \b(?:remote(?:secure)? | postgresql | mysql | mongodb) \( (?= \s*' ) (?: [^,()]{0,200}, ){3} )
        [^()\n]{1,512} (?=\))
    """,
    _I,
)
_BESIDE = re.compile(
    r"( \[redacted\] ['\"]? [\s,:;/]{1,4} ['\"]? ) (?! [0-9a-f]{40} ) [\w/+=]{40,2048} (?! [\w/+=] )", _I
)
_SCHEME = re.compile(
    r"( \b(?: (?:bearer|basic) [^\S\n]+ (?:\\\n\s{0,40})? | bearer [^\S\n]* [:=] [^\S\n]* ) )"
    r" (?! (?:realm|error|scope)= )"
    r" (?= [\w.~+/=-]{20,} | [\w.~+/=-]{0,20} (?-i:[\dA-Z=]) ) [\w.~+/=-]{6,}",
    _I,
)
_LINE = re.compile(
    rf"( (?<![a-z]) (?:(?:proxy-)?authorization|(?:set-)?cookie) (?:{_OPEN})? [^\S\n]* [:=] [^\S\n]* )"
    r"(?! (?:none|null|nil|true|false|missing|empty) \b )"
    r"""(?: (\\{0,3}["']) .{0,4096}? \2 | digest [^\n]{1,4096}"""
    r"""| (?: (?:basic|bearer|negotiate) [^\S\n]+ )? [^\n'"}\]]{1,4096} )""",
    _I,
)
_PHRASE = re.compile(r"( (?:mnemonic|seed[ _]?phrase) \W{1,6} ) (?: [a-z]{3,8} \W{1,3} ){11,23} [a-z]{3,8}", _I)
_WRAPPED = re.compile(
    r"""(?P<before> \[redacted\] ['"]? [^\S\n]* \n) [^\S\n]* [\w+/=.-]{8,} (?P<end> ['"]? [^\S\n]* (?=\n|\Z))""",
    _I,
)
# A value that follows on the next line, or without "=".
_LATER = re.compile(
    rf"""
    (?P<name> {_STRONG} | (?P<weak> {_WORD_BEGINS} (?: {_WEAK} ) ) )
    (?: (?P<continued> [^\S\n]* [=:] [^\S\n]* (?: \\ | [>|][+-]? ) [^\S\n]* \n [^\S\n]* ) \S{{4,4096}}
      | (?(weak) (?!) )
        (?: (?P<next_line> [^\S\n]* [=:] [^\S\n]* \n [^\S\n]* ) [^\s=:]{{4,4096}} (?= [^\S\n]* (?:\n|\Z) )
          | (?P<said> [^\S\n]{{1,40}} (?:is|was) [^\S\n]+ | \t [^\S\n]* | [ ]{{2,40}} | [ ]\(
              | [ ] (?= [\w+/=]{{16,}} (?:[\s;,]|\Z) )
              | [ ] (?: (?<=password[ ]) | (?<=passwd[ ]) | (?<=phrase[ ]) ) (?! scram|sha-?\d|md5|bcrypt|argon) )
            (?! 0x ) (?= [a-z!-/]{{0,64}} (?: \d | (?-i:[a-z][A-Z]) ) ) (?= [\d!-/]{{0,64}} [a-z] )
            [^\s:;,'"()]{{6,256}} (?= [\s;,)] | \Z )
        )
    )
    """,
    _I,
)
_EMAIL = re.compile(
    r"(?<![\w.+%-])(?<!://)[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.[a-z]{2,24}\b", re.IGNORECASE
)

_WORD = re.compile(r"\S+")
_ENCODED = re.compile(r"%[0-9a-f]{2}|&\w{2,6};|&#|\\u00", re.IGNORECASE)
_UNICODE = re.compile(r"\\u00([2-7][0-9a-f])", re.IGNORECASE)

_NOT_SECRET = re.compile(
    r"\**|x{3,}|<[\w ]{1,30}>?|yes|no|\[?redacted\]?|null|nil|none|true|false|undefined|\{|\[|\$\{[\w.]{1,60}\}?",
    re.IGNORECASE,
)
_REDACTED_ALREADY = re.compile(r"(?:[a-z]{1,12}[ _.-]+)?\[redacted\]", re.IGNORECASE)
_ON_CHAIN = re.compile(
    r"0x[0-9a-fA-F]*(?:…|\.\.\.)?[0-9a-fA-F]*|[+-]?\d+(?:\.\d+)?"
    r"|[a-z]{0,4}[A-Z0-9]{2,8}(?:[/-][a-z]{0,4}[A-Z0-9]{2,8}|\.[a-z]{1,3})?|[1-9A-HJ-NP-Za-km-z]{43,44}"
    r"|[1-9A-HJ-NP-Za-km-z]{86,88}|\w{0,64}\(.*|[a-z_]{1,11}(?:\.[a-z_]{1,24}){0,6}|\W{1,3}"
)


def redact_log(text: str) -> str:
    """The text with `[redacted]` in place of secrets, and `[e-mail]` in place of addresses of people.

    Leaves out the codes of colours, which part a name from its value.

    Takes time linear in the length of the text; the caller limits it.
    """
    return _redacted(text, encodings=3)  # an encoded address may hold an encoded address


def _redacted(text: str, encodings: int) -> str:
    text = _BLOCK.sub(REDACTED, _COLOURS.sub("", text))
    text = _PHRASE.sub(_kept, text)
    text = _TOKEN.sub(_kept, text)
    text = _LOGIN.sub(_kept, text)
    text = _LINE.sub(_kept, text)
    text = _BYTES.sub(_kept, text)
    text = _NAMED.sub(_value, text)
    for pattern in (_FLAG, _PAIR, _ELEMENT, _SQL, _BESIDE):
        text = pattern.sub(_kept, text)
    text = _SCHEME.sub(_kept, text)
    text = _LATER.sub(_later, text)
    text = _WRAPPED.sub(rf"\g<before>{REDACTED}\g<end>", text)
    text = _EMAIL.sub(EMAIL, text)
    if encodings and _ENCODED.search(text):
        text = _WORD.sub(lambda found: _decoded(found.group(), encodings - 1), text)
    return text


def _decoded(word: str, encodings: int) -> str:
    """The word in plain text, if that shows a secret to hide. Addresses, JSON and HTML have encodings of their own."""
    plain = _UNICODE.sub(lambda found: chr(int(found[1], 16)), unescape(unquote(word)))
    if plain == word:
        return word
    hidden = _redacted(plain, encodings)
    return word if hidden == plain else hidden


def _kept(found: re.Match[str]) -> str:
    """What stands before the secret, and the mark in its place."""
    return next((group for group in found.groups() if group), "") + REDACTED


def _later(found: re.Match[str]) -> str:
    return f"{found['name']}{found['continued'] or found['next_line'] or found['said']}{REDACTED}"


def _value(found: re.Match[str]) -> str:
    groups = found.groupdict()
    quote = groups["quote"] or ""
    value = groups["value"][len(quote) :]
    if groups["name"].lower() == "pwd" and re.fullmatch(r"/[\w./-]*", value):  # the shell's working directory
        return found.group()
    harmless = _NOT_SECRET.fullmatch(value) or _REDACTED_ALREADY.fullmatch(value)
    if harmless or (groups.get("weak") and not groups["scheme"] and _ON_CHAIN.fullmatch(value)):
        return found.group()
    return f"{groups['name']}{groups['between']}{groups['scheme'] or ''}{quote}{REDACTED}"
