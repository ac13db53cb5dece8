// What users notice when one entity fails: software that depends on it, and whom to tell.
// params:  $uid STRING, the entity that fails
// returns: uid STRING, kind STRING, name STRING, owner STRING (null where none is named),
//          hops INTEGER (1 to 8, shortest)
// order:   hops, kind, name, uid
MATCH path = ANY SHORTEST
  (dependent:Entity)
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (failed:Entity {uid: $uid})
WHERE
  dependent <> failed
  AND dependent.kind IN [
    'Application', 'Database', 'Endpoint', 'LoadBalancer', 'Queue', 'Service'
  ]
RETURN
  dependent.uid AS uid,
  dependent.kind AS kind,
  dependent.name AS name,
  dependent.label_owner AS owner,
  length(path) AS hops
ORDER BY hops, kind, name, uid
