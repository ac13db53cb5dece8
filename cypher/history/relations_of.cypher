// All that one entity has ever depended on, and when.
// params:  $uid STRING, the dependent
// returns: type STRING, dependency STRING (name), group STRING (null where it has none),
//          source STRING, validFrom ZONED DATETIME,
//          validTo ZONED DATETIME (null: it still does)
// order:   validFrom, type, dependency
CALL () {
  MATCH (:Entity {uid: $uid})-[r]->(dependency:Entity)
  RETURN
    type(r) AS type,
    dependency.name AS dependency,
    r.group AS group,
    r.source AS source,
    r.validFrom AS validFrom,
    null AS validTo
  UNION ALL
  MATCH (past:PastRelation {dependent: $uid})
  MATCH (dependency:Entity {uid: past.dependency})
  RETURN
    past.type AS type,
    dependency.name AS dependency,
    past.group AS group,
    past.source AS source,
    past.validFrom AS validFrom,
    past.validTo AS validTo
}
RETURN
  type,
  dependency,
  group,
  source,
  validFrom,
  validTo
ORDER BY validFrom, type, dependency
