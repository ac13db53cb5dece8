// Entities that appeared or disappeared in a span of time, as far as that is their latest change.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
// returns: at ZONED DATETIME, change STRING (came or went), uid STRING, kind STRING, name STRING
// order:   at, kind, name, uid, change
MATCH (entity:Entity)
UNWIND [[entity.validFrom, 'came'], [entity.validTo, 'went']] AS event
WITH entity, event[0] AS at, event[1] AS change
WHERE $since <= at < $until
RETURN
  at,
  change,
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name
ORDER BY at, kind, name, uid, change
