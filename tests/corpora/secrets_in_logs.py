"""Log lines with secrets, and innocent lines of blockchain workers. Secrets are made up at each run from a fixed seed.

A token's beginning is written in two parts, so that no scanner takes this file for a leak.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
PLACES = "{}"


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A line (or several), and the secrets in it, none of which may remain."""

    text: str
    secrets: tuple[str, ...]


class Maker:
    """Makes values of each kind."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, count: int, letters: str = ALNUM) -> str:
        return "".join(self._random.choice(letters) for _ in range(count))

    def hex(self, count: int) -> str:
        return self.text(count, "0123456789abcdef")

    def word(self) -> str:
        return self._random.choice(["Tr0ub4dor", "hunter", "correcthorse", "S3cure", "pa55"]) + self.text(6)

    def strange(self) -> str:
        return self.text(5) + self._random.choice(["#!", "$%", "^~", "+*"]) + self.text(5)

    def base64(self, count: int) -> str:
        return base64.b64encode(self._random.randbytes(count)).decode()

    def base64url(self, count: int) -> str:
        return base64.urlsafe_b64encode(self._random.randbytes(count)).decode().rstrip("=")

    def jwt(self) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
        return f"{head}.{self.base64url(60)}.{self.base64url(48)}"

    def pem(self, newline: str, kind: str = "RSA ") -> str:
        body = self.base64(360)
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        return newline.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def phrase(self) -> str:
        words = ["abandon", "ability", "able", "about", "above", "absent", "absorb", "abstract", "abuse", "acid"]
        return " ".join(self._random.choice(words) for _ in range(12))


# Each template has {} where the secret is. The second part makes the secret.
_NAMED: list[tuple[str, Callable[[Maker], str]]] = [
    (
        "2026-11-23T10:11:12Z ERROR connect failed: host=db.internal port=5432 user=bot password={} sslmode=require",
        Maker.word,
    ),
    ('level=error msg="dial failed" dsn="host=db user=w password={} dbname=chain"', Maker.word),
    ("Config loaded: DB_PASSWORD={} DB_HOST=pg-1", Maker.strange),
    ("env: PGPASSWORD={}", Maker.word),
    ("exporting CLICKHOUSE_PASSWORD='{}'", Maker.strange),
    ('{{"level":"error","user":"bot","password":"{}","host":"ch-1"}}', Maker.word),
    ('{{"db":{{"passwd":"{}"}},"block":21345678}}', Maker.strange),
    ('message="{{\\"password\\":\\"{}\\",\\"user\\":\\"w\\"}}"', Maker.word),
    ("password: {}", Maker.word),
    ("  passphrase: '{}'", Maker.word),
    ("Password = {}", Maker.strange),
    ("jdbc:postgresql://pg-1:5432/chain?user=w&password={}&ssl=true", Maker.word),
    ("GET http://ch-1:8123/?query=INSERT&user=default&password={} 401", Maker.word),
    ("Server=tcp:db.example,1433;User ID=w;Password={};Encrypt=True", Maker.strange),
    ("Server=db;Uid=w;Pwd={};Database=chain", Maker.word),
    (
        "DefaultEndpointsProtocol=https;AccountName=chain;AccountKey={};EndpointSuffix=core.windows.net",
        lambda m: m.base64(64),
    ),
    ("Endpoint=sb://q.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={}", lambda m: m.base64(32)),
    (
        'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="w" password="{}";',
        Maker.word,
    ),
    ("kafka: sasl.password={} sasl.mechanism=SCRAM-SHA-512", Maker.strange),
    ("client_secret={}&grant_type=client_credentials", lambda m: m.text(32)),
    ('{{"clientSecret":"{}"}}', lambda m: m.base64url(30)),
    ("aws_secret_access_key = {}", lambda m: m.base64(30)),
    ("AWS_SECRET_ACCESS_KEY={}", lambda m: m.base64(30)),
    ('{{"secretAccessKey":"{}","region":"eu-west-1"}}', lambda m: m.base64(30)),
    ("api_key={}", lambda m: m.hex(32)),
    ("using apiKey: {}", lambda m: m.text(40)),
    ("x-api-key: {}", lambda m: m.text(40)),
    ("X-ClickHouse-Key: {}", Maker.word),
    ("service_key={}", lambda m: m.text(36)),
    ("GOLDRUSH_SERVICE_KEY={}", lambda m: m.text(36)),
    ("private_key=0x{}", lambda m: m.hex(64)),
    ('signer privateKey: "0x{}"', lambda m: m.hex(64)),
    ("PRIVATE_KEY={}", lambda m: m.hex(64)),
    ("encryption_key={}", lambda m: m.base64(32)),
    ("auth_token={} expires=3600", lambda m: m.text(28)),
    ("accessToken={}", lambda m: m.base64url(40)),
    ('"refresh_token": "{}"', lambda m: m.base64url(40)),
    ("session_token={}", lambda m: m.base64(60)),
    ("token={}", lambda m: m.text(32)),
    ("?token={}&retry=1", lambda m: m.hex(40)),
    ("webhook_secret: {}", lambda m: m.text(24)),
    ("secret => {}", lambda m: m.text(24)),
    ("hmac-key={}", lambda m: m.hex(40)),
    ("REDIS_PASS={}", Maker.word),
    ("db_pass: {}", Maker.word),
    ("run: psql --password {} -h pg-1", Maker.word),
    ("run: clickhouse-client --password={} --host ch-1", Maker.word),
    ("curl --token {} https://x.example", lambda m: m.text(30)),
    ("Cookie: session={}; theme=dark", lambda m: m.text(40)),
    ("set-cookie: sid={}; HttpOnly", lambda m: m.text(40)),
    ("mnemonic: {}", Maker.phrase),
    ('seed phrase = "{}"', Maker.phrase),
    ("credentials={}", lambda m: m.base64(24)),
    ("password%3D{}%26user%3Dbot", Maker.word),
    ("body=user%3Dw%26password%3D{}", Maker.word),
    ("settings{{password={}, user=w}}", Maker.word),
    ("Connection(host='pg', password='{}', port=5432)", Maker.strange),
    ('ConnectionParams {{ user: "w", password: Some("{}") }}', Maker.word),
    ("config.password -> updated; config.password := {}", Maker.word),
    ("X-Amz-Signature={}", lambda m: m.hex(64)),
    ("https://b.s3.amazonaws.com/k?X-Amz-Security-Token={}&X-Amz-Date=20261123", lambda m: m.base64url(60)),
    ("https://chain.blob.core.windows.net/c?sv=2024-01-01&sig={}&se=2027", lambda m: quote(m.base64(32))),
    ('headers: {{"X-Api-Key":["{}"]}}', lambda m: m.text(32)),
    ("vault.token = s.{}", lambda m: m.text(24)),
]
_SHAPED: list[tuple[str, Callable[[Maker], str]]] = [
    ("Authorization: Bearer {}", lambda m: m.text(40)),
    ("authorization=Bearer {}", lambda m: m.text(40)),
    ('"Authorization":"Bearer {}"', lambda m: m.base64url(40)),
    ("Authorization: Basic {}", lambda m: m.base64(18)),
    ("proxy-authorization: basic {}", lambda m: m.base64(18)),
    ('Authorization: Digest username="w", response="{}"', lambda m: m.hex(32)),
    ("request with bearer {} was refused", lambda m: m.base64url(30)),
    ("headers={{'Authorization': 'Token {}'}}", lambda m: m.hex(40)),
    ("key cqt" + "_{} was rejected (401)", lambda m: m.text(28)),
    ("https://api.covalenthq.com/v1/?key=cqt" + "_{}", lambda m: m.text(28)),
    ("slack said invalid_auth for xox" + "b-{}", lambda m: f"{m.number(10**10, 10**11)}-{m.text(24)}"),
    ("app token xap" + "p-1-{}", lambda m: m.text(60)),
    ("https://hooks.sl" + "ack.com/services/{}", lambda m: f"T{m.text(8)}/B{m.text(9)}/{m.text(24)}"),
    ("POST https://discord.com/api/web" + "hooks/{} 429", lambda m: f"{m.number(10**17, 10**18)}/{m.text(60)}"),
    ("git clone with gh" + "p_{}", lambda m: m.text(36)),
    ("gith" + "ub_pat_{} expired", lambda m: m.text(60)),
    ("gl" + "pat-{}", lambda m: m.text(20)),
    ("uploading with AK" + "IA{}", lambda m: m.text(16, string.ascii_uppercase + "234567")),
    ("assumed role AS" + "IA{} in eu-west-1", lambda m: m.text(16, string.ascii_uppercase + "234567")),
    ("AIz" + "a{} is not allowed for this project", lambda m: m.text(35)),
    ("oauth ya2" + "9.{}", lambda m: m.base64url(60)),
    ("stripe sk_li" + "ve_{}", lambda m: m.text(24)),
    ("sendgrid S" + "G.{}", lambda m: f"{m.text(22)}.{m.text(43)}"),
    ("np" + "m_{}", lambda m: m.text(36)),
    ("h" + "f_{}", lambda m: m.text(34)),
    ("s" + "k-{} used up its quota", lambda m: m.text(48)),
    ("hv" + "s.{} lacks permission", lambda m: m.text(24)),
    ("databricks dap" + "i{}", lambda m: m.hex(32)),
    ("bot {} cannot post", lambda m: f"{m.number(10**8, 10**9)}:AA{m.text(33)}"),
    ("jwt {} is expired", Maker.jwt),
    ('claims rejected: "{}"', Maker.jwt),
    ("ws wss://mainnet.infura.io/ws/v3/{} closed", lambda m: m.hex(32)),
    ("POST https://eth-mainnet.g.alchemy.com/v2/{} 429", lambda m: m.text(32)),
    ("rpc https://aged-dark-sun.base-mainnet.quiknode.pro/{}/ timed out", lambda m: m.hex(40)),
    ("rpc https://rpc.ankr.com/eth/{} 403", lambda m: m.hex(64)),
]
_LOGINS = [
    "postgres://{user}:{secret}@pg-1.internal:5432/chain",
    "postgresql+psycopg://{user}:{secret}@pg-1/chain?sslmode=require",
    "clickhouse://{user}:{secret}@ch-1:9440/default?secure=1",
    "mongodb+srv://{user}:{secret}@cluster0.example.net/?retryWrites=true",
    "redis://:{secret}@redis-1:6379/0",
    "rediss://{user}:{secret}@redis-1:6380",
    "amqps://{user}:{secret}@mq-1/vhost",
    "kafka://{user}:{secret}@broker-1:9093",
    "https://{user}:{secret}@hooks.example.com/in",
    "mysql://{user}:{secret}@db/chain",
    "{user}:{secret}@tcp(10.0.0.7:3306)/chain?parseTime=true",
    "snowflake://{user}:{secret}@acct/db",
    "sftp://{user}:{secret}@files.example.com/out",
    "nats://{user}:{secret}@nats-1:4222",
    "jdbc:clickhouse://{user}:{secret}@ch-1:8443/default",
    "ldap+tls://{user}:{secret}@dir-1",
    "s3://{user}:{secret}@minio-1:9000/bucket",
    "foo+bar.baz://{user}:{secret}@somewhere",
]
_AROUND = [
    "ERROR sink: connect to {} failed: connection refused",
    'level=error msg="dial {}: i/o timeout" attempt=3',
    '{{"level":"fatal","url":"{}","err":"EOF"}}',
]


def secret_lines() -> Iterator[SecretLine]:
    """At least 200, of every kind."""
    make = Maker(7)
    for template, maker in (*_NAMED, *_SHAPED):
        for _ in range(2):
            secret = maker(make)
            parts = [part for part in secret.split("/") if len(part) > 7] if "/api/web" in template else [secret]
            yield SecretLine(template.format(secret), tuple(parts))
    for login in _LOGINS:
        for number, around in enumerate(_AROUND):
            secret = (make.word(), make.strange(), quote(make.strange()) + "p@ss/" + make.text(4))[number]
            if number == 2 and "tcp(" in login:
                secret = make.word()
            yield SecretLine(around.format(login.format(user="writer", secret=secret)), (secret,))
    yield from _several(make)
    yield from _over_lines(make)


def _several(make: Maker) -> Iterator[SecretLine]:
    """Several secrets in one line."""
    for _ in range(4):
        first, second, third = make.word(), make.text(30), make.jwt()
        yield SecretLine(f"user=w password={first} token={second} auth=Bearer {third}", (first, second, third))
        yield SecretLine(f"postgres://w:{first}@a/b -> clickhouse://w:{second}@c/d", (first, second))
        nested = json.dumps({"source": f"redis://:{first}@r/0", "sink": {"password": second}, "jwt": third})
        yield SecretLine(nested, (first, second, third))
        yield SecretLine(json.dumps({"message": nested}), (first, second, third))
        yield SecretLine(quote(f"https://w:{first}@h/?password={second}&x=1", safe=""), (first, second))
        yield SecretLine(f"hosts: postgres://w:{first}@a:5432,postgres://w:{second}@b:5432/chain", (first, second))


def _over_lines(make: Maker) -> Iterator[SecretLine]:
    """Secrets that go over several lines."""
    for kind in ("RSA ", "EC ", "", "OPENSSH "):
        for newline in ("\n", "\\n", "\r\n"):
            pem = make.pem(newline, kind)
            yield SecretLine(f"loaded key:\n{pem}\nconnecting", tuple(pem.split(newline)[1:-1]))
    for _ in range(3):
        pem = make.pem("\n")
        tail = pem.split("\n")[3:]
        yield SecretLine("\n".join([*tail, "2026-11-23 connecting"]), tuple(tail[:-1]))
        head = pem.split("\n")[:4]
        yield SecretLine("\n".join(["2026-11-23 loading", *head]), tuple(head[1:]))
        word, jwt, token = make.word(), make.jwt(), make.text(60)
        yield SecretLine(f'{{\n  "password":\n    "{word}"\n}}', (word,))
        yield SecretLine(f"password:\n  {word}\nretry in 5 s", (word,))
        yield SecretLine(f"Authorization: Bearer {token[:40]}\n{token[40:]}\nretry", (token[:40], token[40:]))
        cut = jwt.index(".") + 1
        yield SecretLine(f"jwt {jwt[:cut]}\n{jwt[cut:]} is expired", (jwt[:cut], jwt[cut:]))
        yield SecretLine(f"token={token[:50]}\n{token[50:]}", (token[:50], token[50:]))
