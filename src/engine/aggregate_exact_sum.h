// ExactSum: a sum of doubles without any rounding until it is asked for, so that the order of the
// numbers does not matter (a small superaccumulator: the sum as a number in base 2^32).
//
// Thread contract: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace millrace::engine {

class ExactSum {
 public:
  void Add(double number);
  void Add(const ExactSum& other);
  // The exact sum, rounded once to the nearest double; NaN and infinities as IEEE adds them.
  double Rounded() const;
  // With 113 bits of precision, for variances. Finite sums only.
  __float128 Wide() const;
  bool finite() const { return specials_ == 0; }

  void Serialize(std::string& to) const;
  // Adds a serialised sum; false for bytes that Serialize never writes.
  bool AddSerialized(ByteReader& reader);
  size_t HeapBytes() const { return limbs_.capacity() * sizeof(int64_t); }

 private:
  // The limbs brought to 0..2^32-1 with a sign apart.
  struct Normal {
    bool negative = false;
    int base = 0;
    std::vector<uint32_t> limbs;
  };
  Normal Normalised() const;
  void Carry();
  int64_t* LimbsFrom(int index, int count);

  // Limb i counts 2^(32 * (base_ + i) - 1074); signed, carries are made up late.
  std::vector<int64_t> limbs_;
  int base_ = 0;
  uint32_t pending_ = 0;  // additions since the last carry
  uint8_t specials_ = 0;  // bits: NaN, +infinity, -infinity
};

}  // namespace millrace::engine
