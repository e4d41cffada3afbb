// What the tests against the mock cluster and those against a real one share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kafka/client.h"
#include "kafka/topic_source.h"
#include "kafka/transactions.h"

namespace millrace::kafka {

inline std::string Said(const Error& error) { return error.ToString(); }

inline std::vector<std::string> ValuesOf(const flow::RecordBlock& block) {
  std::vector<std::string> values;
  for (const flow::RecordView& record : block.records) values.emplace_back(record.value_view());
  return values;
}

// One transaction of `values` to partition 0, each with a key and a header.
inline Status Write(KafkaTransactions& writer, const std::string& owner, int64_t sequence,
                    const std::vector<std::string>& values, const std::string& topic) {
  MR_ASSIGN(const auto transaction, writer.Begin(owner));
  for (const std::string& value : values)
    MR_TRY(transaction->Append(topic, PartitionId(0), {"k" + value, value, {{"h", "x" + value}}}));
  return transaction->Commit({owner, sequence, "detail"});
}

}  // namespace millrace::kafka
