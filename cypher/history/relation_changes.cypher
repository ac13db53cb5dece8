// Which dependencies were opened or closed in a span of time: a change is a suspect.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
// returns: at ZONED DATETIME, change STRING (opened or closed), uid STRING (of the dependent),
//          dependent STRING (name), type STRING, dependency STRING (name)
// order:   at, dependent, type, dependency, change
// What is closed is no relation any longer: it is a node, so that no path leads over it.
CALL () {
  MATCH (dependent:Entity)-[r]->(dependency:Entity)
  WHERE $since <= r.validFrom < $until
  RETURN
    r.validFrom AS at,
    'opened' AS change,
    dependent,
    type(r) AS type,
    dependency
  UNION ALL
  MATCH (past:PastRelation)
  UNWIND [[past.validFrom, 'opened'], [past.validTo, 'closed']] AS event
  WITH past, event[0] AS at, event[1] AS change
  WHERE $since <= at < $until
  MATCH (dependent:Entity {uid: past.dependent})
  MATCH (dependency:Entity {uid: past.dependency})
  RETURN
    at,
    change,
    dependent,
    past.type AS type,
    dependency
}
RETURN
  at,
  change,
  dependent.uid AS uid,
  dependent.name AS dependent,
  type,
  dependency.name AS dependency
ORDER BY at, dependent, type, dependency, change
