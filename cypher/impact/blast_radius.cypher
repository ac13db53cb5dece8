// Everything that depends on one entity, directly or not.
// params:  $uid STRING, the entity that fails
// returns: uid STRING, kind STRING, name STRING, hops INTEGER (1 to 8, shortest)
// order:   hops, kind, name, uid
// Who may be hit, not who will be: redundancy is not weighed here, `kgraph impact` does that.
// One shortest path for each dependent: all paths of a redundant fabric are too many to list.
MATCH path = ANY SHORTEST
  (dependent:Entity)
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (failed:Entity {uid: $uid})
WHERE dependent <> failed
RETURN
  dependent.uid AS uid,
  dependent.kind AS kind,
  dependent.name AS name,
  length(path) AS hops
ORDER BY hops, kind, name, uid
