// Dependencies that closed several times in a span of time: something that comes and goes.
// params:  $since ZONED DATETIME, inclusive
//          $until ZONED DATETIME, exclusive
//          $times INTEGER, at least so often
// returns: uid STRING (of the dependent), dependent STRING (name), type STRING,
//          dependency STRING (name), closed INTEGER (>= $times)
// order:   closed (most first), dependent, type, dependency
MATCH (past:PastRelation)
WHERE $since <= past.validTo < $until
WITH
  past.dependent AS from,
  past.type AS type,
  past.dependency AS to,
  count(*) AS closed
WHERE closed >= $times
MATCH (dependent:Entity {uid: from})
MATCH (dependency:Entity {uid: to})
RETURN
  dependent.uid AS uid,
  dependent.name AS dependent,
  type,
  dependency.name AS dependency,
  closed
ORDER BY closed DESC, dependent, type, dependency
