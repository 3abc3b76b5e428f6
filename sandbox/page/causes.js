// Why a pipeline fails, and what its log holds. Item: [label, fields of the request].

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

const DOWN = { phase: "FAILED", cause: "unreachable" };

export function causeItems(row, rows, post) {
  const mine = `pipelines/${row.id}`;
  const item = ([content, fields, current = false]) => ({ content, current, dataset: { cause: fields.cause ?? fields.log }, choose: () => post(mine, fields) });
  const failed = row.phase === "FAILED";
  const siblings = rows.filter((other) => other.visible && other.destination_type === row.destination_type);
  const together = { content: `all ${siblings.length} that write to ${row.destination_type}: it is unreachable`, choose: () => siblings.forEach(({ id }) => post(`pipelines/${id}`, DOWN)) };
  return [
    { heading: "It fails because" }, ...row.causes.map((slug) => item([CAUSES[slug] ?? slug, { phase: "FAILED", cause: slug }, failed && row.cause === slug])),
    { heading: "It fails" }, ...LOGS.map(([words, log]) => item([words, { phase: "FAILED", log, cause: row.cause ?? undefined }])),
    ...(row.causes.includes(DOWN.cause) && siblings.length > 1 ? [{ heading: "They fail at once" }, together] : []),
  ];
}
