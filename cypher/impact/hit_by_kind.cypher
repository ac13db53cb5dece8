// How many entities of which kind depend on one entity: the size of what its loss may do.
// params:  $uid STRING, the entity that fails
// returns: kind STRING, entities INTEGER (>= 1), nearest INTEGER (hops, 1 to 8)
// order:   entities (most first), kind
MATCH path = ANY SHORTEST
  (dependent:Entity)
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (failed:Entity {uid: $uid})
WHERE dependent <> failed
RETURN
  dependent.kind AS kind,
  count(*) AS entities,
  min(length(path)) AS nearest
ORDER BY entities DESC, kind
