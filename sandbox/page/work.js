// What a pipeline does while it runs: its pace, its run, its owner's intent, its chain. Item: [label, fields of one request or more].

const DOWN = { phase: "RUNNING", cause: "unreachable" };
const RUNS = { phase: "RUNNING" };
const PART = { progress: 0.6 };

export function workItems(row, post) {
  const item = ([content, fields, current = false, path = `pipelines/${row.id}`]) => ({
    content, current, choose: async () => { for (const part of [fields].flat()) await post(path, part); },
  });
  const edit = { query: `SELECT * FROM source WHERE block_height > ${Date.now()}` }; // each time another one
  const chain = `chains/${row.chain}`;
  return [
    { heading: "It runs, but" }, ...[
      ["it stands still", { pace: 0 }, row.pace === 0], ["it is an hour behind, and falls further", { pace: 0.5, behind_seconds: 3600 }, row.pace === 0.5],
      ["it keeps up again", { pace: 1, behind_seconds: 0 }, row.pace === 1], ...(row.causes.includes(DOWN.cause) ? [["its destination is down, it still retries", DOWN]] : []),
    ].map(item),
    ...(row.last_block ? [{ heading: `It reads to block ${row.last_block.toLocaleString("en-US")}, and` }, ...runs(row).map(item)] : []),
    { heading: "Its owner" }, ...[
      ["wants it paused", { intent: "paused" }, row.intent === "paused"], ["wants it to run", { intent: "running" }, row.intent === "running"], ["edits its transform", edit],
    ].map(item),
    ...(row.chain ? [{ heading: `Its chain, ${row.chain}` }, ...[["is half an hour late at GoldRush", { late_seconds: 1800 }, row.chain_late, chain], ["is on time at GoldRush", { late_seconds: 0 }, !row.chain_late, chain]].map(item)] : []),
  ];
}

// The bot must see it run before it sees its end.
function runs(row) {
  if (row.phase !== "RUNNING") return [["runs again, from 60 % on", [RUNS, PART]]];
  return [["is at 60 %", PART], ["finishes now", { progress: 1 }], ["stops at 60 %", [PART, { phase: "STOPPED" }]]];
}
