// Guests that moved from one host to another in a span of time.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
// returns: at ZONED DATETIME (when it left), guest STRING (name), uid STRING,
//          source STRING (name of the host that it left), target STRING (name of the next host)
// order:   at, guest, uid
// A uid is looked up as that of an entity: kinds have no index of their own.
// The next host is that of the first RUNS_ON that began when the old one ended, or later.
MATCH (past:PastRelation {type: 'RUNS_ON'})
WHERE $since <= past.validTo < $until
MATCH (guest:Entity:VirtualMachine {uid: past.dependent})
MATCH (left:Entity:Host {uid: past.dependency})
CALL (guest, past) {
  MATCH (guest)-[r:RUNS_ON]->(host:Host)
  WHERE r.validFrom >= past.validTo
  RETURN host, r.validFrom AS began
  UNION
  MATCH (next:PastRelation {type: 'RUNS_ON', dependent: guest.uid})
  WHERE next.validFrom >= past.validTo
  MATCH (host:Entity:Host {uid: next.dependency})
  RETURN host, next.validFrom AS began
}
WITH past, guest, left, host, began
ORDER BY began
WITH past, guest, left, collect(host)[0] AS host
WHERE host <> left
RETURN
  past.validTo AS at,
  guest.name AS guest,
  guest.uid AS uid,
  left.name AS source,
  host.name AS target
ORDER BY at, guest, uid
