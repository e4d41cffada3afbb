// Which SQL types go into which CQL types, and what a CQL column reads as in SQL (Spark's Cassandra
// connector makes the same choices where it makes any).
//
//   CQL                     reads as            written from
//   ascii text varchar      STRING              STRING
//   tinyint..bigint         TINYINT..BIGINT     the same or a narrower integer
//   varint                  DECIMAL(38,0)       any integer, DECIMAL(p,0)
//   decimal                 DECIMAL(38,18)      any integer, DECIMAL that fits (38,18)
//   float, double           FLOAT, DOUBLE       the same, narrower, integers that fit exactly
//   boolean blob date       BOOLEAN BINARY DATE the same
//   timestamp               TIMESTAMP           TIMESTAMP, TIMESTAMP_NTZ (as UTC); microseconds are
//   cut to milliseconds time                    BIGINT (ns)         BIGINT uuid timeuuid inet
//   STRING              STRING; a text that is none is an error of its row list set ARRAY ARRAY of
//   what fits the element map                     MAP                 MAP tuple, user type STRUCT
//   STRUCT with as many fields, by position
#pragma once

#include "base/result.h"
#include "data/type.h"
#include "store/cql_type.h"
#include "store/schema.h"

namespace millrace::store {

data::DataType SqlTypeOf(const CqlType& type);
// All columns of a table as SQL sees them, in stored order; key columns are not nullable.
data::Schema SqlSchemaOf(const TableSchema& table);

// Ok when values of `from` may be written into a column of type `to`; kInvalidArgument says what
// may be.
Status CheckWritable(const data::DataType& from, const CqlType& to);

}  // namespace millrace::store
