// Entities that depend on each other in a circle of up to six: nothing of it starts by itself.
// params:  none
// returns: uids LIST<STRING> (the smallest uid first), names LIST<STRING> (in the same order),
//          hops INTEGER (2 to 6)
// order:   hops, names, uids
MATCH (first:Entity)
WHERE first.validTo IS NULL
MATCH path =
  (first)
  ((:Entity)
    -[:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON]->
    (next:Entity WHERE next.uid >= first.uid)){2,6}
  (first)
WITH DISTINCT nodes(path)[..-1] AS members, length(path) AS hops
WHERE all(member IN members WHERE single(other IN members WHERE other = member))
RETURN
  [member IN members | member.uid] AS uids,
  [member IN members | member.name] AS names,
  hops
ORDER BY hops, names, uids
