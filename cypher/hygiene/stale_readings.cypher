// Parts of sources that were not read for long: what they say may not hold any longer.
// params:  $before ZONED DATETIME, last read before
// returns: source STRING, scope STRING, readAt ZONED DATETIME, records INTEGER (>= 1)
// order:   readAt, source, scope
MATCH (scope:_KgScope)
WHERE scope.records > 0 AND scope.completedAt IS NOT NULL
WITH scope, datetime({epochMillis: scope.completedAt / 1000}) AS readAt
WHERE readAt < $before
RETURN
  scope.source AS source,
  scope.scope AS scope,
  readAt,
  scope.records AS records
ORDER BY readAt, source, scope
