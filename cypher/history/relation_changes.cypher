// Which dependencies were opened or closed in a span of time: a change is a suspect.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
// returns: at ZONED DATETIME, change STRING (opened or closed), dependent STRING (uid),
//          type STRING, dependency STRING (uid)
// order:   at, dependent, type, dependency, change
// What is closed is no relation any longer: it is a node, so that no path leads over it.
CALL () {
  MATCH (dependent:Entity)-[r]->(dependency:Entity)
  WHERE $since <= r.validFrom < $until
  RETURN
    r.validFrom AS at,
    'opened' AS change,
    dependent.uid AS dependent,
    type(r) AS type,
    dependency.uid AS dependency
  UNION ALL
  MATCH (past:PastRelation)
  UNWIND [[past.validFrom, 'opened'], [past.validTo, 'closed']] AS event
  WITH past, event[0] AS at, event[1] AS change
  WHERE $since <= at < $until
  RETURN
    at,
    change,
    past.dependent AS dependent,
    past.type AS type,
    past.dependency AS dependency
}
RETURN
  at,
  change,
  dependent,
  type,
  dependency
ORDER BY at, dependent, type, dependency, change
