// The sources that the tests of this module bind queries against: the users example's topic, a
// reference, tables and a topic of odd types.
#pragma once

#include <string_view>
#include <vector>

#include "sql/plan.h"

namespace millrace::sql {

class TestingCatalog : public Catalog {
 public:
  TestingCatalog();
  const Relation* Find(std::string_view name) const override;
  std::vector<std::string> Names() const override;

 private:
  std::vector<Relation> relations_;
};

}  // namespace millrace::sql
