"""Held-out innocent log lines: written without sight of the redactor, then measured once and fixed.

First measurement: see tests/unit/test_held_out_corpora.py. Add new kinds of line to innocent_log_lines.py, and leave this file alone.
"""

import re
from collections.abc import Iterator

from tests.corpora.innocent_log_lines import BASE58
from tests.corpora.secrets_in_logs import Maker

TEMPLATES = r"""
2026-11-30T04:12:09.113Z INFO sink::pg flushed rows=‹n› table=base_swaps block_height=‹n› elapsed_ms=‹i›
2026-11-30 04:12:09,113 INFO [main] c.c.worker.Sink - committed offset ‹n› for base.mainnet.ref.block.logs-‹i›
{"level":"info","ts":1764475929.113,"caller":"sink/pg.go:88","msg":"flushed","block":‹n›,"hash":"0x‹h64›"}
{"level":"INFO","fields":{"message":"decoded","tx_hash":"0x‹h64›","log_index":‹i›},"target":"worker::abi"}
key=0x‹h64› value_size=‹n›
record key: 0x‹h64›:‹i› partition=‹i›
message key=‹h64› offset=‹n›
Key (tx_hash, log_index)=(0x‹h64›, ‹i›) already exists.
Key (block_height, pubkey)=(‹n›, ‹b44›) already exists.
ERROR: duplicate key value violates unique constraint "swaps_pkey"
primary key: (block_height, tx_hash)
ORDER BY (token_address, block_height) PRIMARY KEY token_address
partition key toYYYYMM(signed_at) sorting key tx_hash
solana signature ‹b88› slot=‹n›
signature=‹b88›
sig: ‹b88› confirmed
"signature":"‹b88›","slot":‹n›
account ‹b44› owner TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA
pubkey=‹b44› lamports=‹n›
public key ‹b44›
mint ‹b44› decimals=6
token=0x‹h40› symbol=USDC decimals=6
token: 0x‹h40› transfers=‹n›
token_address=0x‹h40›
token_id=‹n› contract=0x‹h40›
tokenId: ‹n›
"token":"0x‹h40›"
"tokenIn":"0x‹h40›","tokenOut":"0x‹h40›"
base_token=WETH quote_token=USDC
token0=0x‹h40› token1=0x‹h40› fee=3000
token=WETH/USDC pool=0x‹h40›
tokens=‹n›
token USDC transferred
unexpected token: SELECT at line ‹i›
Syntax error: failed at position ‹i› ('FORM'): token FORM
SyntaxError: Unexpected token < in JSON at position 0
max_tokens=‹i›
tx 0x‹h64› from=0x‹h40› to=0x‹h40› nonce=‹i› gas=‹n›
input data 0xa9059cbb000000000000000000000000‹h40›000000000000000000000000000000000000000000000000‹h16›
v=28 r=0x‹h64› s=0x‹h64›
"r":"0x‹h64›","s":"0x‹h64›","v":"0x1b"
validator pubkey 0x‹h96› attested slot ‹n›
blob commitment 0x‹h96› versioned_hash=0x01‹h62›
bls signature 0x‹h192›
state_root=0x‹h64› receipts_root=0x‹h64›
storage key 0x‹h64› = 0x‹h64›
storage_key=0x‹h64›
s3 key=base/logs/dt=2026-11-30/hour=04/part-00012-‹uuid›.c000.snappy.parquet size=‹n›
PutObject bucket=chain-lake key=base/swaps/‹n›-‹n›.parquet etag="‹h32›"
ETag: "‹h32›-‹i›"
x-amz-request-id: ‹u16› x-amz-id-2: ‹b76›
RequestID: ‹u16›, HostID: ‹b76›
x-amzn-trace-id: Root=1-‹h8›-‹h24›
x-amz-content-sha256: ‹h64›
content-md5: ‹h32›
sqs MessageId=‹uuid› MD5OfBody=‹h32› queue=https://sqs.eu-west-1.amazonaws.com/123456789012/base-swaps
MessageDeduplicationId=‹h64› MessageGroupId=base
arn:aws:sqs:eu-west-1:123456789012:base-swaps
arn:aws:iam::123456789012:role/pipeline-writer is not authorized to perform: s3:PutObject
User: arn:aws:sts::123456789012:assumed-role/writer/i-0‹h16› is not authorized
X-Idempotency-Key: ‹uuid›
idempotency_key=‹h64› attempt=2
idempotency-key: pipe_‹h27›-‹n›
cache key chain:base:block:‹n›
cache_key=base:‹n›:0x‹h40›
routing_key=base.mainnet.swaps
group key hash=‹h16›
sort_key=‹n› partition_key=0x‹h40›
pipeline pipe_‹h27› uid covalent-postgres-pipe-‹h27› started
pod pipeline-covalent-clickhouse-pipe-‹h27›dmlm2 scheduled
uid=‹uuid› resourceVersion=‹n›
git commit ‹h40› (HEAD, main) built 2026-11-28
version=1.9.4+g‹h8› rev=‹h40›
image=ghcr.io/chain/worker@sha256:‹h64›
Pulled image "registry.internal/worker:1.9.4" sha256:‹h64› in 3.2s
containerID: containerd://‹h64›
traceparent: 00-‹h32›-‹h16›-01
trace_id=‹h32› span_id=‹h16›
request_id=‹uuid› status=503
session_id=‹uuid› rebalance generation ‹i›
kafka: member worker-‹uuid› joined group covalent-swaps generation ‹i›
[Consumer clientId=consumer-pipe_‹h27›-1, groupId=pipe_‹h27›] Resetting offset for partition base.mainnet.ref.block.logs-‹i› to position FetchPosition{offset=‹n›, offsetEpoch=Optional.empty}
consumer lag topic=base.mainnet.ref.block.swap.v3 partition=‹i› lag=‹n›
SASL authentication failed: mechanism PLAIN not enabled
authentication mechanism SCRAM-SHA-256 selected
password authentication failed for user "indexer"
FATAL: no password supplied
fe_sendauth: no password supplied
DB::Exception: default: Authentication failed: password is incorrect, or there is no user with such name.
Access denied for user 'svc'@'10.0.3.4' (using password: YES)
password_encryption = scram-sha-256
password: ******
password=**** user=svc
api_key=<redacted>
token=null
secret=None
password=""
secretName: worker-db
secretKeyRef: name=worker-db key=password
secret "worker-db" not found
MountVolume.SetUp failed for volume "creds" : secret "worker-db" not found
service account token volume mounted at /var/run/secrets/kubernetes.io/serviceaccount
loading credentials from /var/run/secrets/db/password
AWS_PROFILE=writer AWS_REGION=eu-west-1
credentials provider: EnvironmentVariableCredentialsProvider
The security token included in the request is expired
ExpiredToken: The provided token has expired.
InvalidAccessKeyId: the key does not exist
authorization error: 403 Forbidden
auth: ok
author=ann commit=‹h8›
authority=kafka.internal:9092
bearer token missing
Bearer authentication required
WWW-Authenticate: Bearer realm="registry"
Basic auth required
postgres://db-1.internal:5432/chain?sslmode=require
postgres://indexer@db-1.internal:5432/chain
clickhouse://ch-0.internal:9440/base
http://ch.internal:8123/?query=INSERT+INTO+logs+FORMAT+RowBinary
dial tcp 10.4.2.9:5432: i/o timeout
https://basescan.org/tx/0x‹h64›
https://solscan.io/tx/‹b88›
https://base.blockscout.com/token/0x‹h40›
ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/‹i›
block ‹n› @ 2026-11-30T04:12:09Z hash ‹h64›
btc tx ‹h64› vout ‹i› bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
xrp account rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh ledger ‹n›
cosmos1‹bech38› delegated ‹n›
0x‹h64›
‹h64›
‹b88›
‹b44›
[‹n›, ‹n›, ‹n›]
SELECT tx_hash, key, value FROM storage WHERE key = '0x‹h64›'
INSERT INTO "swaps" ("tx_hash","token","amount") VALUES ($1,$2,$3)
INSERT INTO swaps (token, amount) VALUES ('0x‹h40›', ‹n›)
SELECT count() FROM base.tokens WHERE token = 'USDC' AND block_height > ‹n›
SELECT CAST(data AS VARCHAR) FROM logs WHERE topics[0] = '0x‹h64›'
CREATE TABLE secrets_of_pools (pool String, secret_hash FixedString(32)) ENGINE = MergeTree
commit-reveal: secret_hash=0x‹h64›
topic0=0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef
topics=[0x‹h64›,0x‹h64›]
selector 0xa9059cbb signature transfer(address,uint256)
event signature Transfer(address,address,uint256)
method signature hash 0x‹h64›
   at io.covalent.sink.PostgresSink.flush(PostgresSink.java:214)
	github.com/covalent/worker/sink.(*PG).Flush(0xc000‹h6›, {0x1a2b3c0, 0xc000‹h6›}) /src/sink/pg.go:214 +0x1d4
   0: rust_begin_unwind at /rustc/‹h40›/library/std/src/panicking.rs:652:5
  File "/app/worker/sink.py", line ‹i›, in flush
goroutine ‹i› [running]:
thread 'tokio-runtime-worker' panicked at src/sink.rs:‹i›:9: index out of bounds: the len is ‹i› but the index is ‹n›
Memory limit (for query) exceeded: would use 9.31 GiB, maximum: 9.31 GiB
query_id: ‹uuid› DB::Exception: Code: 252
Last-Modified: Mon, 30 Nov 2026 04:12:09 GMT
user=indexer db=chain app=[unknown] client=10.4.2.9
LOG: connection authorized: user=indexer database=chain SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)
TLS certificate fingerprint SHA256:‹b43›
certificate serial ‹h32› expired 2026-11-29
-----BEGIN CERTIFICATE-----
ssh host key ED25519 SHA256:‹b43›
api version v3 key schema registry id ‹i›
schema id=‹i› subject=base.swaps-key
key.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer
key_type=bytes32 key_len=32
keys_only=true
passed=‹i› failed=0 bypass=false
pass 2 of 3 compaction
compass bearing 120
monkey=1 donkey=2
pwd=/app
cwd=/app PWD=/app
signed_at=2026-11-30T04:12:09Z signed=true
sign=1 version=‹i›
checksum=‹h64› crc32=‹h8›
merkle_root: ‹h64›
cursor=‹b64ish›
next_page_token=null page=3
sequence token ‹n› accepted
fencing_token=‹i›
lease token ‹i› expired
""".strip("\n").split("\n")

SECOND = r"""
I1130 04:12:09.113 sink.go:88] batch ‹n› written, checkpoint {Offset:‹n› Partition:‹i› Hash:0x‹h64›}
level=warn msg="slow flush" table=transfers key_columns=token,block_height ms=‹n›
decoded ‹i› Transfer events token=0x‹h40› from block ‹n› to ‹n›
erc721 tokenURI(‹n›) reverted
token account ‹b44› closed
session keys rotated at block ‹n›: 0x‹h64›
validator key ‹b44› voted slot ‹n›
signers=[‹b44›,‹b44›] signatures=[‹b88›]
tx signature ‹b88› not found
"signatures":["‹b88›","‹b88›"]
recentBlockhash: ‹b44›
program ‹b44› failed: custom program error: 0x1771
secret sharing round ‹i› finished
password check disabled
token bucket: ‹i› tokens left, refill 10/s
tokenizer error near "SELCT"
authorized_keys not mounted
credential refresh scheduled in 55m
cookie jar disabled
access key rotation is due 2026-12-24
private key file /var/run/tls/tls.key missing
api key header not set
sig_verify=true poh_verify=true
kafka key schema mismatch: expected bytes got string
key=base:swaps:‹n› value=null (tombstone)
key: "‹n›-‹i›"
map key 0x‹h40› not found
foreign key constraint "swaps_block_fkey" on table "swaps"
DETAIL: Key (id)=(‹uuid›) is not present in table "blocks".
DETAIL: Failing row contains (‹n›, 0x‹h64›, ‹b44›, null).
pipeline-covalent-s3-pipe-‹h27›x9k2v  0/1  CrashLoopBackOff  ‹i›
Back-off restarting failed container worker in pod pipeline-covalent-postgres-pipe-‹h27›dmlm2_pipelines(‹uuid›)
checkpoint path s3://checkpoints/pipe_‹h27›/offsets/‹n›
multipart upload id ‹b76› aborted
blockHash=‹h64› parentHash=‹h64›
blob sidecar kzg_proof=0x‹h96›
go: github.com/x/y@v0.0.0-20261130041209-‹h12›
Exception in thread "main" java.lang.IllegalStateException: offset ‹n› < ‹n›
HTTP 429 x-ratelimit-remaining: 0 x-ratelimit-reset: ‹n›
SELECT password_last_changed FROM users
""".strip("\n").split("\n")

THIRD = r"""
user svc connected from 10.0.0.3
connect('db', 'svc') ok
key ‹h64› compacted
docker pull registry/worker -p linux
mkdir -p /data/base
-p 5432:5432 published
string(3) "USDC" ["token"]=> 0x‹h40›
api key rotation scheduled
wrong password for svc
invalid token at position ‹i›
secret manager not configured
Token mint ‹b44› supply ‹n›
token program TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA
keys=‹n› values=‹n›
signature 0x‹h192›
session ‹uuid› expired
access list [0x‹h40›]
storage slot 0x‹h64›
contract creation code hash ‹h64›
password  rotation  pending
credentials   loaded from   environment
https://rpc.ankr.com/base timed out
https://mainnet.base.org/ 429
GET /v1/base-mainnet/block/‹n›/ 200
parquet row group ‹i› column token encoded PLAIN
privileges granted to svc
tokens: [0x‹h40›, 0x‹h40›]
cookie=none
sha256 ‹h64› blob.tar
""".strip("\n").split("\n")

# Lines of a fourth set.
FOURTH = r"""
block 19,482,113 processed in 32 ms
tx 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060 reverted
address 0xdAC17F958D2ee523a2206206994597C13D831ec7 token USDT
token=0xdAC17F958D2ee523a2206206994597C13D831ec7 amount=100
token: USDC decimals 6
pipe_155c085ce8bdc80fc1f57bcab89 started
key=0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060 offset=12
primary key (block_height, log_index) violated
Key (id)=(0xabc123-7) already exists.
duplicate key value violates unique constraint "trades_pkey"
uid 7f3c2a1e-0b4d-4b8e-9d4f-2f8d0a1c9e77 pod worker-6c9f8d7b5-x2x9z
signature 0x1b2c3d4e5f verified
signature=5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpjKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW
topic0=0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55aa4df523b3ef
cursor eyJ no
base58 pubkey 9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM
sqrtPriceX96=79228162514264337593543950336
partition 3 offset 128849018 committed
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
s3://bucket/path/part-0001.parquet uploaded
https://api.covalenthq.com/v1/eth-mainnet/block_v2/latest/
schema registry subject orders-value version 7
password authentication failed for user "app"
column "token_address" does not exist
permission denied for table tokens
Authorization failed: role app cannot insert
secretary table has 12 rows
session window 10s closed
commit 3fa771b9 deployed
gas used 21000 nonce 7 key count 14
callback https://indexer.example/v1/blocks?from=100&to=200%2C300
select * from "trades" where pw_id = 3
BASE%20mainnet height 19482113
&lt;nil&gt; returned by transform &quot;trades&quot;
bytes: [1,2,3,4,5,6,7,8,9,10]
bearer of token 0xdAC17F958D2ee523a2206206994597C13D831ec7
""".strip("\n").split("\n")

LETTERS = {
    "h": "0123456789abcdef",
    "b": BASE58,
    "u": "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789",
    "bech": "023456789acdefghjklmnpqrstuvwxyz",
}


def _value(kind: str, make: Maker) -> str:
    match kind:
        case "n":
            return str(make.number(10**6, 10**8))
        case "i":
            return str(make.number(1, 99))
        case "uuid":
            return f"{make.hex(8)}-{make.hex(4)}-4{make.hex(3)}-a{make.hex(3)}-{make.hex(12)}"
        case "b64ish":
            return make.base64(24)
    found = re.fullmatch(r"([a-z]+)(\d+)", kind)
    assert found, kind
    return make.text(int(found[2]), LETTERS[found[1]])


def held_out_innocent_lines() -> Iterator[str]:
    """Each template once."""
    return _filled(TEMPLATES, Maker(103))


def second_innocent_lines() -> Iterator[str]:
    """Each template of the second set once."""
    return _filled(SECOND, Maker(109))


def third_innocent_lines() -> Iterator[str]:
    """Each template of the third set once."""
    return _filled(THIRD, Maker(127))


def fourth_innocent_lines() -> Iterator[str]:
    """Each line of the fourth set once."""
    return _filled(FOURTH, Maker(137))


def _filled(templates: list[str], make: Maker) -> Iterator[str]:
    for template in templates:
        yield re.sub("‹([a-z0-9]+)›", lambda place: _value(place[1], make), template)
