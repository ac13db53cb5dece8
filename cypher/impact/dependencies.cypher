// Everything that one entity depends on, directly or not: where its trouble may come from.
// params:  $uid STRING, the entity that is in trouble
// returns: uid STRING, kind STRING, name STRING, hops INTEGER (1 to 8, shortest)
// order:   hops, kind, name, uid
MATCH path = ANY SHORTEST
  (troubled:Entity {uid: $uid})
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (dependency:Entity)
WHERE dependency <> troubled
RETURN
  dependency.uid AS uid,
  dependency.kind AS kind,
  dependency.name AS name,
  length(path) AS hops
ORDER BY hops, kind, name, uid
