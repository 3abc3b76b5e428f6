// What makes days short: time that passes at once, and the account's credits.

export const PASSING = [["10 min", 600], ["1 h", 3600], ["1 day", 86400]];

const CREDITS = [
  ["run out within five days", 0.9], ["are used up", 1], ["last until the next month", 0.1],
];

export function creditItems({ max_credits: most, consumed }, set) {
  const item = ([content, share]) => ({ content, current: consumed === most * share, choose: () => set({ consumed: most * share }) });
  return [{ heading: "The credits (the bot looks once an hour)" }, ...CREDITS.map(item)];
}
