// What several troubled entities have in common: where to look first.
// params:  $uids LIST<STRING>, the entities that show symptoms
// returns: uid STRING, kind STRING, name STRING,
//          troubled INTEGER (how many of $uids depend on it, >= 2),
//          hops INTEGER (from the farthest of them, 1 to 8)
// order:   troubled (most first), hops, kind, name, uid
// A list of suspects without probabilities: `kgraph investigate` weighs healthy witnesses too.
UNWIND $uids AS uid
WITH DISTINCT uid
MATCH path = ANY SHORTEST
  (troubled:Entity {uid: uid})
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (shared:Entity)
WHERE troubled <> shared
WITH shared, count(*) AS troubled, max(length(path)) AS hops
WHERE troubled >= 2
RETURN
  shared.uid AS uid,
  shared.kind AS kind,
  shared.name AS name,
  troubled,
  hops
ORDER BY troubled DESC, hops, kind, name, uid
