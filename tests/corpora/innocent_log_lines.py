"""Log lines of blockchain workers without a secret. Each must stay as it is."""

from collections.abc import Iterator

from tests.corpora.secrets_in_logs import Maker

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

# {h} a hash, {a} an address, {n} a height, {s} a Solana address, {g} a Solana signature, {p} a pipeline's id, {u} a uid,
# {t} a time, {i} a small number.
TEMPLATES = """
{t} INFO processed block {n} hash=0x{h} txs={i}
{t} INFO block height={n} parent=0x{h} logs={i}
level=info msg="checkpoint committed" offset={n} partition={i}
level=warn msg="reorg detected" depth={i} old=0x{h} new=0x{h}
{{"level":"info","block":{n},"hash":"0x{h}","ts":"{t}"}}
{{"level":"error","err":"nonce too low","address":"0x{a}","tx":"0x{h}"}}
{{"key":"0x{h}","value_size":{i}}}
upsert key=0x{h} table=swaps
upsert key={p}:{n} table=swaps
record key: 0x{a}-{n}
primary_key=0x{h}
primary key ({n}, 0x{h}) exists already
partition_key=base.mainnet.{n}
sort_key: {n}#0x{a}
idempotency key 0x{h} seen before
X-Idempotency-Key: 0x{h}
dedup_key={p}-{n}
public_key=0x{h}
pubkey {s}
token=0x{a} symbol=USDC decimals=6
token: 0x{a}
token=USDC amount={n}
token0=0x{a} token1=0x{a} fee=3000
tokenIn=0x{a} tokenOut=0x{a} amountIn={n}
token_address=0x{a}
token_id={n}
"token":"WETH","price":"{n}.12"
"tokenId":"{n}"
token_symbol=cbBTC
tokenMint={s}
mint {s} supply={n}
transfer from 0x{a} to 0x{a} value={n}
signature=0x{h}{h}1b
signature: Transfer(address,address,uint256)
"signature":"Swap(address,uint256,uint256,uint256,uint256,address)"
event signature 0x{h} unmatched, skipped
topic0=0x{h} topic1=0x{h}
tx {g} confirmed in slot {n}
slot={n} leader={s}
blockhash {s}
txHash: 0x{h}
stateRoot=0x{h} receiptsRoot=0x{h}
sig verified for validator {i} at slot {n}
uid=covalent-postgres-pipe-{u}
pod pipeline-covalent-postgres-pipe-{u}dmlm2 started
pipeline {p} is RUNNING
pipeline_id={p} project=pipeline-api-hr-1wk-unbounded
consumer group covalent-clickhouse-pipe-{u} joined, generation={i}
topic base.mainnet.ref.block.swap.v3 partition {i} offset {n}
topic=hyperliquid.mainnet.ref.block.fills lag={n}
sha256:{h} pulled
image registry.example/worker@sha256:{h}
git commit {u} built {t}
trace_id={h32} span_id={h16}
traceparent: 00-{h32}-{h16}-01
request id 7f3c2b1a-9d8e-4f6a-b5c4-{h12}
etag "{h32}"
md5={h32}
checksum 0x{h} matches
ERROR: duplicate key value violates unique constraint "swaps_pkey"
DETAIL: Key (block_number, log_index)=({n}, {i}) already exists.
DETAIL: Key (tx_hash)=(0x{h}) already exists.
ERROR: column "token" of relation "swaps" does not exist
ERROR: password authentication failed for user "writer"
FATAL: no pg_hba.conf entry for host "10.0.0.7", user "writer", database "chain"
DB::Exception: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)
Code: 62. DB::Exception: Syntax error: failed at position {i} ('FROM'): FROM swaps. Expected one of: token, Comma
syntax error: unexpected token: SELECT
SyntaxError: Unexpected token < in JSON at position {i}
invalid token at offset {n}
the access token has expired
secret "kafka-creds" not found
secretName: kafka-creds
mounting secret volume kafka-creds
bearer token is missing
basic authentication is required
authorization failed: user writer lacks INSERT on default.swaps
authorizationList=[0x{a}] nonce={i}
credentials provider chain: no EC2 IMDS role found
Signature version 4 is required
SASL authentication failed: mechanism=SCRAM-SHA-512
password_encryption = on
max_tokens={i} used_tokens={i}
tokens per second: {i}.5
pass=12 fail=0 skip={i}
pass {i} of {i} done
ssl=true sslmode=require
connected to postgres://pg-1.internal:5432/chain
connected to clickhouse://ch-1:9440/default?secure=1
dial tcp 10.0.0.7:5432: connect: connection refused
Get "https://hooks.example.com/in": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
lookup ch-1.internal on 10.96.0.10:53: no such host
POST https://b.s3.eu-west-1.amazonaws.com/chain/{n}/0x{h}.parquet 503
s3 key=chain/base/{n}/part-0000{i}.parquet size={n}
An error occurred (SlowDown) when calling the PutObject operation: Please reduce your request rate.
AccessDenied: User: arn:aws:iam::123456789012:user/writer is not authorized to perform: s3:PutObject
sqs: queue https://sqs.eu-west-1.amazonaws.com/123456789012/fills throttled
normalization error: unknown variant {i} in protobuf at offset {n}
abi decode: bad data under 0x{h8} at 0x{a}, skipped
contract 0x{a} created at block {n}
selector=0x{h8} calldata=0x{h}{h}{h}
input data 0x{h8}000000000000000000000000{a}
uncle 0x{h} of block {n}
goroutine {i} [running]:
main.(*Worker).write(0xc000{h6}, 0x{h8}, 0x{i})
panic: runtime error: index out of range [{i}] with length {i}
at com.covalent.sink.Postgres.flush(Postgres.java:{i})
  File "/app/worker.py", line {i}, in flush
thread 'main' panicked at src/sink.rs:{i}:17: called `Result::unwrap()` on an `Err` value: Io(Os {{ code: 111 }})
OOMKilled: container worker exceeded 2Gi (exit code 137)
unable to upgrade connection: container not found ("worker")
retry {i}/10 in {i}00ms
flush took {i}ms rows={n}
{t} DEBUG cursor=eyJub3Q
merkle proof [0x{h},0x{h}]
cid=bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKcxnp
ens vitalik.eth resolves to 0x{a}
btc block 0000000000000000000{h32} height {n}
xpub not configured
gas_used={n} base_fee={i} gwei
routing_key=base.mainnet.logs
cache key base:{n}:0x{a} missed
session window [{t}, {t}) closed
cookie policy ignored
otp release 26 erts-14.2.5
keyspace=chain keys={n}
foreign key (block_number) references blocks
shard key hash 0x{h16} -> shard {i}
key_prefix=swaps/ key_count={n}
compression=zstd level={i}
""".strip().split("\n")


def innocent_lines() -> Iterator[str]:
    make = Maker(11)
    for template in TEMPLATES:
        for _ in range(2):
            yield template.format(
                h=make.hex(64),
                h8=make.hex(8),
                h6=make.hex(6),
                h12=make.hex(12),
                h16=make.hex(16),
                h32=make.hex(32),
                a=make.hex(40),
                n=make.number(10**6, 10**8),
                s=make.text(44, BASE58),
                g=make.text(88, BASE58),
                p=f"pipe_{make.hex(27)}",
                u=make.hex(27),
                t=f"2026-11-{make.number(10, 28)}T0{make.number(0, 9)}:1{make.number(0, 9)}:12.{make.number(100, 999)}Z",
                i=make.number(1, 99),
            )
