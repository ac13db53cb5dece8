// The shortest ways in which one entity depends on another.
// params:  $dependent STRING, uid of the one that is hit
//          $dependency STRING, uid of the one that it may need
// returns: hops INTEGER (1 to 8), uids LIST<STRING> (from the dependent to the dependency),
//          relations LIST<STRING> (one fewer than uids)
// order:   uids, relations
MATCH path = ALL SHORTEST
  (:Entity {uid: $dependent})
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (:Entity {uid: $dependency})
RETURN
  length(path) AS hops,
  [entity IN nodes(path) | entity.uid] AS uids,
  [relation IN relationships(path) | type(relation)] AS relations
ORDER BY uids, relations
