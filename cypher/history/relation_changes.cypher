// Which dependencies were opened or closed in a span of time: a change is a suspect.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
// returns: at ZONED DATETIME, change STRING (opened or closed), dependent STRING (uid),
//          type STRING, dependency STRING (uid)
// order:   at, dependent, type, dependency, change
// Closed relations are wanted here.
MATCH (dependent:Entity)-[r]->(dependency:Entity)
UNWIND [[r.validFrom, 'opened'], [r.validTo, 'closed']] AS event
WITH dependent, r, dependency, event[0] AS at, event[1] AS change
WHERE $since <= at < $until
RETURN
  at,
  change,
  dependent.uid AS dependent,
  type(r) AS type,
  dependency.uid AS dependency
ORDER BY at, dependent, type, dependency, change
