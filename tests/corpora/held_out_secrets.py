"""Held-out log lines with secrets: written without sight of the redactor, then measured once and fixed.

First measurement: see tests/unit/test_held_out_corpora.py. Add new kinds of line to secrets_in_logs.py, and leave this file alone.
A line is a template: «kind» stands for a secret, ‹kind› for harmless data. Values are made up from a fixed seed.
"""

import base64
import json
import re
import string
from collections.abc import Callable, Iterator
from urllib.parse import quote

from tests.corpora.secrets_in_logs import ALNUM, Maker, SecretLine

UPPER = string.ascii_uppercase + string.digits
SEPARATOR = "\n%%\n"

TEMPLATES = r"""
2026-11-30T04:12:09.113Z INFO starting worker config={dest:postgres host:db-1.internal port:5432 user:indexer password:«pw» sslmode:require}
%%
{"level":"debug","ts":1764475929.113,"caller":"sink/pg.go:88","msg":"opening pool","dsn":"postgres://indexer:«pw»@db-1.internal:5432/chain?sslmode=require"}
%%
2026-11-30 04:12:09,113 ERROR sqlalchemy.pool Engine(postgresql+psycopg2://svc_writer:«sp_url»@10.4.2.9/trades) connect failed
%%
FATAL connect: host=10.4.2.9 port=5432 user=writer password='«spaced»' dbname=trades connect_timeout=5
%%
FATAL connect: host=10.4.2.9 password = «pw» user=writer
%%
PGPASSWORD=«pw» psql -h db-1 -U writer -c 'select 1'
%%
clickhouse-client --host ch.internal --secure --user default --password «pw» --query "SELECT 1"
%%
clickhouse-client --host ch.internal --password=«sp» -q "SELECT max(block_height) FROM logs"
%%
clickhouse://default:«pw»@ch-0.internal:9440/base?secure=true&dial_timeout=10s
%%
WARN retry POST http://ch.internal:8123/?user=default&password=«pw»&database=base&query=INSERT%20INTO%20logs
%%
DEBUG > X-ClickHouse-User: default\n> X-ClickHouse-Key: «pw»
%%
> GET /platform/pipeline-api/ HTTP/1.1
> Host: api.covalenthq.com
> Authorization: Bearer «cqt»
> Accept: */*
%%
curl -H 'Authorization: Bearer «b64url40»' https://api.covalenthq.com/v1/chains/status/
%%
curl -u ‹word›:«pw» https://registry.internal/v2/
%%
curl --user indexer:«pw» -sS https://hooks.internal/health
%%
https://api.covalenthq.com/v1/base-mainnet/block/latest/?key=«cqt»
%%
env: COVALENT_API_KEY=«cqt» CHAIN=base-mainnet
%%
GOLDRUSH_SERVICE_KEY="«b64url40»" starting
%%
proxy request header authorization=[Basic «basic»] upgrade=false
%%
{"headers":{"authorization":"Basic «basic»","content-type":"application/json"}}
%%
"request headers: map[Accept:[*/*] Authorization:[Bearer «jwt»] User-Agent:[worker/1.9]]"
%%
WARN token rejected: «jwt»
%%
Cookie: session=«b64url40»; theme=dark
%%
Set-Cookie: sid=«hex32»; Path=/; HttpOnly
%%
x-api-key: «alnum32»
%%
X-Auth-Token=«hex32» status=403
%%
api-key: «alnum32» rejected by sink
%%
Ocp-Apim-Subscription-Key: «hex32»
%%
{"apiKey":"«alnum32»","chain":"base"}
%%
{\"apiKey\":\"«alnum32»\",\"chain\":\"base\"}
%%
msg="config loaded" raw="{\"destination\":{\"type\":\"clickhouse\",\"password\":\"«pw»\"}}"
%%
payload="{\\\"secret\\\":\\\"«pw»\\\",\\\"n\\\":4}"
%%
'{"db_password": "«pw»", "db_user": "svc"}'
%%
{'user': 'svc', 'password': '«sp»', 'host': 'db'}
%%
Config { user: "svc", password: Some("«pw»"), host: ["db"] }
%%
Config { url: "postgres", secret_key: SecretString("«pw»"), retries: 3 }
%%
&Config{Host:"db", Password:"«pw»", MaxConns:8}
%%
{Host:db Password:«pw» MaxConns:8}
%%
destination:
  type: postgres
  user: svc
  password: «pw»
  host: db-1
%%
password: >-
  «pw»
host: db-1
%%
"password":
    "«pw»",
%%
secrets:
  - name: db
    value: «pw»
%%
stringData:
  api_token: '«alnum32»'
%%
data:
  password: «b64_16»
%%
AWS_ACCESS_KEY_ID=«akid» AWS_SECRET_ACCESS_KEY=«aws» AWS_REGION=eu-west-1
%%
The AWS Access Key Id «akid» you provided does not exist in our records.
%%
Credential=«akid»/20261130/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=«hex64»
%%
PUT https://bkt.s3.eu-west-1.amazonaws.com/base/logs/000123.parquet?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=«akid»%2F20261130%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261130T041209Z&X-Amz-Expires=900&X-Amz-Signature=«hex64» 403
%%
x-amz-security-token: «b64_200»
%%
[default]
aws_access_key_id = «akid»
aws_secret_access_key = «aws»
%%
aws_session_token=«b64_200»
%%
{"AccessKeyId":"«akid»","SecretAccessKey":"«aws»","Token":"«b64_200»","Expiration":"2026-11-30T10:12:09Z"}
%%
s3 client: static credentials accessKey=«akid» secretKey=«aws» endpoint=https://s3.internal
%%
DefaultEndpointsProtocol=https;AccountName=chainlake;AccountKey=«b64_64»;EndpointSuffix=core.windows.net
%%
https://chainlake.blob.core.windows.net/base/0001.parquet?sv=2024-11-04&se=2026-12-01&sr=b&sp=r&sig=«b64_32_url»
%%
Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=«b64_32»;EntityPath=swaps
%%
{"type":"service_account","project_id":"lake","private_key_id":"‹hex40›","private_key":"«pem_escaped»","client_email":"w@lake.iam.gserviceaccount.com"}
%%
«pem»
%%
2026-11-30T04:12:09Z tls key: «pem_escaped»
%%
ssl.key="«pem_ec»"
%%
2026-11-30T04:12:09Z «pem_openssh»
%%
GOOGLE_API_KEY=«gcp»
%%
https://maps.googleapis.com/x?key=«gcp»
%%
oauth2: token «ya29» expired
%%
refresh_token=«b64url40»&grant_type=refresh_token&client_id=worker
%%
grant_type=client_credentials&client_id=worker&client_secret=«pw»
%%
client_secret: «uuid»
%%
git clone https://oauth2:«glpat»@gitlab.internal/chain/abi.git
%%
remote: https://‹word›:«ghp»@github.com/chain/abi.git
%%
fatal: unable to access 'https://«ghp»@github.com/chain/abi.git/'
%%
export GITHUB_TOKEN=«ghp»
%%
//registry.npmjs.org/:_authToken=«npm»
%%
notify slack failed token=«xoxb» err=invalid_auth
%%
POST https://hooks.slack.com/services/«slackhook» 404
%%
«xoxb» is not valid
%%
Stripe key ‹sk_live›«alnum24» refused
%%
sendgrid: 401 for «sg»
%%
PAGERDUTY_ROUTING_KEY=«hex32»
%%
dop token «dop» has expired
%%
HF_TOKEN=«hf»
%%
OPENAI_API_KEY: «skproj»
%%
telegram https://api.telegram.org/bot«telegram»/sendMessage 400
%%
discord webhook https://discord.com/api/webhooks/‹n18›/«b64url68»
%%
rpc endpoint https://eth-mainnet.g.alchemy.com/v2/«b64url32» lagging 12 blocks
%%
rpc wss://mainnet.infura.io/ws/v3/«hex32» closed
%%
dial wss://cool-name.base-mainnet.quiknode.pro/«hex40»/ failed
%%
private_key=0x«hex64» chain=8453
%%
signer PRIVATE_KEY: «hex64»
%%
wallet mnemonic="«mnemonic»"
%%
--private-key 0x«hex64» --rpc-url http://localhost:8545
%%
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="svc" password="«pw»";
%%
sasl.password = «pw»
%%
ssl.keystore.password = «pw» ssl.truststore.password = «pw»
%%
rdkafka: {"bootstrap.servers":"b-1:9092","sasl.username":"‹alnum16u›","sasl.password":"«b64_48»"}
%%
kafka_sasl_plain_password:"«sp»"
%%
kafka+sasl://svc:«pw»@b-1.kafka.internal:9093/swaps
%%
amqps://svc:«pw»@mq.internal:5671/%2Fchain
%%
rediss://:«pw»@cache.internal:6380/0
%%
redis://default:«sp_at»@cache.internal:6379
%%
mongodb+srv://svc:«pw»@cluster0.x1y2z.mongodb.net/base?retryWrites=true
%%
jdbc:postgresql://db-1:5432/chain?user=svc&password=«pw»&ssl=true
%%
jdbc:clickhouse://ch:8443/base?user=svc&password=«pw»
%%
jdbc:sqlserver://db:1433;databaseName=chain;user=svc;password=«pw»;encrypt=true
%%
jdbc:oracle:thin:svc/«pw»@//db:1521/chain
%%
snowflake://svc:«pw»@acct/db/schema?warehouse=wh
%%
svc:«pw»@tcp(db-1:3306)/chain?parseTime=true
%%
Server=db-1;Database=chain;User Id=svc;Password=«pw»;
%%
Server=db-1;Uid=svc;Pwd=«pw»;
%%
url=postgres%3A%2F%2Fsvc%3A«pw»%40db-1%3A5432%2Fchain
%%
callback=https%3A%2F%2Fhooks.internal%2Fin%3Ftoken%3D«alnum32»%26chain%3Dbase
%%
body: user=svc&pass=«sp_url»&db=chain
%%
ftp://svc:«pw»@files.internal/abi.json nats://«alnum32»@nats.internal:4222
%%
postgres://a:«pw»@h1/d,postgres://b:«pw»@h2/d and token=«alnum32»
%%
primary postgres://svc:«pw»@h1:5432,h2:5432/chain?target_session_attrs=read-write password=«pw»
%%
Authorization: Bearer
  «b64url40»
%%
token=\
«alnum32»
%%
dsn: "postgres://svc:\
  «pw»@db-1/chain"
%%
AWS_SECRET_ACCESS_KEY=
«aws»
%%
password is «pw» for user svc
%%
using token «cqt» from env
%%
webhook secret: whsec_«b64_32»
%%
webhook signature mismatch: secret="«hex64»"
%%
X-Hub-Signature-256: sha256=‹h64› secret=«pw»
%%
x-webhook-secret: «alnum32»
%%
hmac_key=«hex64»
%%
encryption_key: «b64_32»
%%
passphrase=«sp»
%%
ssh-passphrase: «pw»
%%
CREATE USER svc IDENTIFIED WITH sha256_password BY '«pw»'
%%
ALTER ROLE svc WITH LOGIN PASSWORD '«pw»'
%%
INSERT INTO FUNCTION s3('https://bkt.s3.amazonaws.com/x.parquet', '«akid»', '«aws»', 'Parquet') SELECT 1
%%
INSERT INTO FUNCTION remote('ch-2:9000', base.logs, 'svc', '«pw»') VALUES
%%
ENGINE = PostgreSQL('db-1:5432', 'chain', 'swaps', 'svc', '«pw»')
%%
CREATE EXTERNAL TABLE t OPTIONS (password '«pw»', user 'svc')
%%
-Ddb.password=«pw» -Dchain=base -jar worker.jar
%%
args=[--dest-url=postgres://svc:«pw»@db/chain --api-token «alnum32» --chain base]
%%
["worker","--password","«pw»","--chain","base"]
%%
env=["DB_PASS=«pw»","CHAIN=base"]
%%
DB_PWD=«pw»
%%
dbPassword=«pw», dbUser=svc
%%
auth: { username: 'svc', password: '«sp»' }
%%
accessToken → «b64url40»
%%
Access token: «alnum32»
%%
password%3D«pw»%26user%3Dsvc
%%
VAULT_TOKEN=hvs.«b64url90»
%%
vault login token hvs.«b64url90»
%%
x-vault-token: s.«alnum24»
%%
DD-API-KEY: «hex32»
%%
https://«hex32»@o12345.ingest.sentry.io/4501
%%
NEW_RELIC_LICENSE_KEY=«hex36»NRAL
%%
<Password>«pw»</Password><User>svc</User>
%%
<property name="secretKey" value="«aws»"/>
%%
{"key":"password","value":"«pw»"}
%%
{"name":"DB_PASSWORD","value":"«pw»"}
%%
password	«pw»
%%
 password => «pw»
%%
:password => "«pw»", :host => "db"
""".strip("\n")

SECOND = r"""
I1130 04:12:09.113 sink.go:88] dialing with opts {Addr:ch-0:9440 Auth:{Database:base Username:svc Password:«pw»} TLS:true}
%%
E1130 04:12:09 kubelet: failed to pull image: unauthorized, auth={"registry.internal":{"username":"ci","password":"«pw»","auth":"«basic»"}}
%%
level=warn msg="vault lease" token=hvs.«b64url90» ttl=1h
%%
[WARN] retrying with key «akid» and secret «aws»
%%
wget --header="Authorization: token «ghp»" https://api.github.com/repos/x/y
%%
http POST hooks.internal X-Api-Key:«alnum32» chain=base
%%
export DATABASE_URL="postgresql://svc:«sp_at»@db-1/chain"
%%
DATABASE_URL: postgres://svc:«pw»@db-1/chain, WEBHOOK_TOKEN: «alnum32»
%%
{"destination_config":{"url":"clickhouse://ch:9440","user":"svc","password":"«sp»"},"name":"x"}
%%
{\n  \"sasl.password\": \"«pw»\",\n  \"acks\": \"all\"\n}
%%
docker run -e POSTGRES_PASSWORD=«pw» -e CHAIN=base worker:1.9
%%
helm upgrade worker . --set db.password=«pw» --set chain=base
%%
kubectl create secret generic db --from-literal=password=«pw»
%%
psql "host=db-1 user=svc password=«pw» dbname=chain"
%%
pg_dump --dbname=postgresql://svc:«pw»@127.0.0.1:5432/chain
%%
mc alias set lake https://s3.internal «alnum16u» «aws»
%%
spark.hadoop.fs.s3a.secret.key=«aws»
%%
fs.azure.account.key.lake.dfs.core.windows.net=«b64_64»
%%
{"sas_token":"sv=2024-11-04&sig=«b64_32_url»"}
%%
connection string: Endpoint=https://x.example/;AccessKey=«b64_32»
%%
TLS: loaded key:
«pem_ec»
%%
tls.key: «b64_200»
%%
GET https://api.covalenthq.com/v1/x/?key=«cqt»&page-size=10 429
%%
Authorization=Bearer%20«b64url40»
%%
auth_header="Bearer «alnum32»"
%%
-H "authorization: bearer «jwt»"
%%
client_assertion=«jwt»&scope=read
%%
rejected id_token «jwt» aud mismatch
%%
smtp://ann%40example.com:«pw»@smtp.internal:587
%%
https://user:«pw»@ch.internal:8443/?database=base
%%
bigquery credentials_json={"private_key":"«pem_escaped»"}
%%
application_default_credentials: {"client_secret":"«alnum24»","refresh_token":"1//«b64url60»","type":"authorized_user"}
%%
signing with hmac secret «hex64»
%%
Password («pw») rejected
%%
login failed: user=svc/pass=«pw»
%%
cfg.sink.password -> «pw»
%%
  password   : «pw»
%%
DB_PASSWORD="«pw»";CHAIN=base
%%
<add key="ApiKey" value="«alnum32»" />
%%
thread 'main' panicked at src/main.rs:9: bad url: "postgres://svc:«sp»@db-1/chain"
""".strip("\n")

# ESC stands for the character before a code of a colour.
THIRD = r"""
ESC[2m2026-11-30ESC[0m ESC[36mpasswordESC[0m=ESC[35m«pw»ESC[0m user=svc
%%
ESC[1mpostgres://svc:«pw»@db-1ESC[0m
%%
"token": "«jwt»"
%%
"access_key": "«akid»", "secret_key": "«aws»"
%%
  "password" : "«pw»" ,
%%
ENV DB_PASSWORD «pw»
%%
docker login -u ci -p «pw» registry.internal
%%
mysql -h db -usvc -p«pw» chain
%%
psql postgresql://svc@db/chain?password=«pw»
%%
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "db" failed: dsn=dbname=x user=svc password=«pw» host=db
%%
requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://hooks.internal/in?api_key=«alnum32»&chain=base
%%
GET /in?access_token=«alnum32» HTTP/1.1" 401
%%
GET /in?sig=«hex64»&se=1 HTTP/1.1" 403
%%
error: Get "https://svc:***@hooks/in": header Authorization "Bearer «alnum32»"
%%
[kafka] SASL/SCRAM user=svc pass=«pw» mechanism=SCRAM-SHA-512
%%
{ brokers: [ 'b-1:9092' ], sasl: { mechanism: 'plain', username: 'svc', password: '«pw»' } }
%%
properties: {sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username='svc' password='«pw»';, acks=all}
%%
Map(user -> svc, password -> «pw», url -> jdbc:postgresql://db/x)
%%
HashMap { "user": "svc", "password": "«pw»" }
%%
{:user "svc" :password "«pw»"}
%%
%{user: "svc", password: "«pw»"}
%%
array(2) { ["user"]=> string(3) "svc" ["password"]=> string(12) "«pw»" }
%%
stdClass Object ( [user] => svc [password] => «pw» )
%%
Uncaught exception: connect('db', 'svc', '«pw»')
%%
AWS4-HMAC-SHA256 Credential=«akid»/20261130/us-east-1/sqs/aws4_request
%%
sts: temporary credentials «akid» «aws» «b64_200»
%%
gcloud: ya29 token ya29.«b64url60»
%%
azure: client_id=‹uuid› client_secret=«alnum24»
%%
bigquery: key file {"private_key_id":"‹h64›","private_key":"«pem_escaped»"}
%%
config.toml: api_key = "«alnum32»" # rotate
%%
export API_KEY='«alnum32»'; ./worker
%%
set -x; + export SECRET=«pw»
%%
+ curl -H "X-API-Key: «alnum32»" https://hooks.internal
%%
Authorization: Token «alnum32»
%%
Authorization: ApiKey «alnum32»
%%
Proxy-Authorization: Basic «basic»
%%
cookie: _session=«b64url40»; csrftoken=«alnum32»
%%
connect: amqp://svc:«pw»@mq/%2f?heartbeat=30
%%
nats: user svc password «pw» rejected
%%
invalid password "«pw»" for svc
%%
wrong api key «alnum32»
%%
secret=«pw»\npassword=«pw»\ntoken=«alnum32»
%%
url="https://eth-mainnet.alchemyapi.io/v2/«b64url32»"
%%
wss://solana-mainnet.core.chainstack.com/«hex32»
%%
https://rpc.ankr.com/base/«hex64»
%%
https://mainnet.helius-rpc.com/?api-key=«uuid»
%%
https://base-mainnet.infura.io/v3/«hex32»
""".strip("\n")

# The kinds of a fourth set that kept a secret, with some that did not. Encodings are those of addresses, HTML and JSON.
FOURTH = r"""
api%5Fkey%3D«alnum24»
%%
callback?state=%22password%22%3A%22«pw»%22
%%
next=https%253A%252F%252Fuser%253A«pw»%2540host
%%
PGPASSWORD%3D«pw»%20psql
%%
{&quot;password&quot;:&quot;«pw»&quot;}
%%
password=&#39;«pw»&#39;
%%
{"query":"password\u003d«pw»\u0026x"}
%%
{\u0022token\u0022:\u0022«alnum32»\u0022}
%%
{'user': b'app', 'password': b'«pw»'}
%%
pw=«pw» user=app
%%
dsn="app:«pw»@/db"
%%
Bearer: «alnum24»
%%
bearer=«alnum24»
%%
Authorization: Bearer \NEXT  «alnum32»
%%
curl -H Bearer \NEXT  «alnum32»
%%
secretKey: [«bytes»]
%%
"private_key": [«bytes»]
%%
2026-12-01T09:00:00Z ERROR «pem_dated»
%%
[worker] «pem_cut»
""".strip("\n")

MNEMONIC = "abandon ability able about above absent absorb abstract absurd abuse access accident"


KINDS: dict[str, Callable[[Maker], str]] = {
    "pw": lambda make: make.word(),
    "sp": lambda make: make.strange(),
    "sp_at": lambda make: f"{make.text(5)}@{make.text(5)}",
    "sp_url": lambda make: quote(make.strange(), safe=""),
    "spaced": lambda make: f"{make.text(6)} {make.text(6)}",
    "cqt": lambda make: "cqt" + "_" + make.text(2) + "rQ" + make.text(26),
    "jwt": lambda make: make.jwt(),
    "basic": lambda make: base64.b64encode(f"svc:{make.word()}".encode()).decode(),
    "akid": lambda make: "AK" + "IA" + make.text(16, UPPER),
    "aws": lambda make: make.base64(30),
    "gcp": lambda make: "AI" + "za" + make.text(35),
    "ya29": lambda make: "ya" + "29." + make.base64url(60),
    "glpat": lambda make: "gl" + "pat-" + make.text(20),
    "ghp": lambda make: "gh" + "p_" + make.text(36),
    "npm": lambda make: "np" + "m_" + make.text(36),
    "xoxb": lambda make: "xo" + f"xb-{make.number(10**11, 10**12)}-{make.number(10**11, 10**12)}-{make.text(24)}",
    "slackhook": lambda make: f"T{make.text(8, UPPER)}/B{make.text(8, UPPER)}/{make.text(24)}",
    "sk_live": lambda make: "sk" + "_live_",
    "sg": lambda make: "S" + "G." + make.base64url(16) + "." + make.base64url(32),
    "dop": lambda make: "do" + "p_v1_" + make.hex(64),
    "hf": lambda make: "h" + "f_" + make.text(34),
    "skproj": lambda make: "sk" + "-proj-" + make.text(48),
    "telegram": lambda make: f"{make.number(10**8, 10**9)}:AA{make.text(33)}",
    "mnemonic": lambda make: MNEMONIC,
    "uuid": lambda make: f"{make.hex(8)}-{make.hex(4)}-4{make.hex(3)}-a{make.hex(3)}-{make.hex(12)}",
    "pem": lambda make: make.pem("\n", ""),
    "pem_ec": lambda make: make.pem("\\n", "EC "),
    "pem_openssh": lambda make: make.pem("\n", "OPENSSH "),
    "pem_escaped": lambda make: json.dumps(make.pem("\n", ""))[1:-1],
    "pem_dated": lambda make: make.pem("\n2026-12-01T09:00:00Z ERROR ", ""),
    "pem_cut": lambda make: "\n[worker] ".join(make.pem("\n", "").split("\n")[:4]),
    "bytes": lambda make: ",".join(str(make.number(0, 255)) for _ in range(64)),
    "alnum16u": lambda make: make.text(16, UPPER),
    "b64_32_url": lambda make: quote(make.base64(32), safe=""),
    "word": lambda make: "builder",
    "n18": lambda make: str(make.number(10**17, 10**18)),
    "h64": lambda make: make.hex(64),
}


def _value(kind: str, make: Maker) -> str:
    if kind in KINDS:
        return KINDS[kind](make)
    found = re.fullmatch(r"(hex|alnum|b64url|b64)_?(\d+)", kind)
    assert found, kind
    name, size = found[1], int(found[2])
    if name == "hex":
        return make.hex(size)
    if name == "alnum":
        return make.text(size, ALNUM)
    return make.base64url(size)[:size] if name == "b64url" else make.base64(size)


def _lines_of_a_key(kind: str, value: str) -> tuple[str, ...]:
    """What may not remain: of a private key each line of its body, of other kinds the value."""
    if not kind.startswith("pem"):
        return (value,)
    return tuple(line.split()[-1] for line in re.split(r"\\n|\n", value) if "PRIVATE" not in line)


def _filled(template: str, make: Maker) -> SecretLine:
    secrets: list[str] = []

    def fill(place: re.Match[str]) -> str:
        kind = place.group(1) or place.group(2)
        value = _value(kind, make)
        if place.group(1):
            secrets.extend(_lines_of_a_key(kind, value))
        return value

    text = re.sub("«([a-z0-9_]+)»|‹([a-z0-9_]+)›", fill, template)
    return SecretLine(text, tuple(secrets))


def held_out_secrets() -> Iterator[SecretLine]:
    """Each template once."""
    make = Maker(101)
    for template in TEMPLATES.split(SEPARATOR):
        yield _filled(template, make)


def second_secrets() -> Iterator[SecretLine]:
    """Each template of the second set once."""
    make = Maker(107)
    for template in SECOND.split(SEPARATOR):
        yield _filled(template, make)


def third_secrets() -> Iterator[SecretLine]:
    """Each template of the third set once."""
    make = Maker(113)
    for template in THIRD.replace("ESC", "\x1b").split(SEPARATOR):
        yield _filled(template, make)


def fourth_secrets() -> Iterator[SecretLine]:
    """Each template of the fourth set once."""
    make = Maker(131)
    for template in FOURTH.replace("NEXT", "\n").split(SEPARATOR):
        yield _filled(template, make)
