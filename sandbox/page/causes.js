// The faults of one pipeline: why it fails, what its log holds, how fast it works, how late its chain is. Item: [label, fields of the request].

const CAUSES = {
  out_of_memory: "its worker runs out of memory", destination_memory: "the destination runs out of memory", destination_full: "the destination has no space left",
  too_many_parts: "ClickHouse has too many parts", too_many_connections: "the destination has no connection free", read_only: "the destination is read-only",
  rejected_login: "the destination rejects its login", no_permission: "its login lacks a permission", tls: "the certificate has expired", constraint: "a record violates a constraint",
  schema: "the table does not fit", crash: "its worker crashes", transform: "a transform fails", missing_place: "its bucket, queue or topic is gone", too_large: "a record is too large",
  source: "it cannot read its source", throttled: "the destination throttles it", unknown_host: "the host name does not resolve", unreachable: "the destination is unreachable",
  destination_error: "the destination had an internal error", decoding: "records cannot be decoded", unknown: "nobody knows why",
};

const LOGS = [
  ["and has no log yet", "tail_error"], ["with an empty log", "empty"], ["with a log of 1 MB", "long"], ["with secrets in its log", "secrets"], ["with a hostile log", "hostile"],
];

const WORK = [
  ["its destination is down, it still retries", { phase: "RUNNING", cause: "unreachable" }], ["it stands still", { pace: 0 }], ["it works at half the chain's pace", { pace: 0.5 }], ["it keeps up again", { pace: 1 }],
];

const LATE = { late_seconds: 1800 };

export function causeItems(row, post) {
  const item = ([content, fields, current = false, path = `pipelines/${row.id}`]) => ({
    content, current, dataset: { cause: fields.cause ?? fields.log ?? "work" }, choose: () => post(path, fields),
  });
  const failed = row.phase === "FAILED";
  const edit = { query: `SELECT * FROM source WHERE block_height > ${Date.now()}` }; // each time another one
  return [
    { heading: "It fails because" }, ...row.causes.map((slug) => item([CAUSES[slug] ?? slug, { phase: "FAILED", cause: slug }, failed && row.cause === slug])),
    { heading: "It fails" }, ...LOGS.map(([words, log]) => item([words, { phase: "FAILED", log, cause: row.cause ?? undefined }])),
    { heading: "It runs, but" }, ...WORK.filter(([, { cause }]) => !cause || row.causes.includes(cause)).map(([words, fields]) => item([words, fields, fields.pace === row.pace])),
    item(["somebody edits its transform", edit]),
    ...(row.chain ? [{ heading: `Its chain, ${row.chain}` }, item(["is half an hour late at GoldRush", LATE, row.chain_late, `chains/${row.chain}`]), item(["is on time at GoldRush", { late_seconds: 0 }, !row.chain_late, `chains/${row.chain}`])] : []),
  ];
}
