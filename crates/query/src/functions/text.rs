//! `icontains(text, part)`: whether a text holds another, whatever the case of its letters.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::lit;

static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(IContains::default())));

pub(crate) fn icontains_udf() -> Arc<ScalarUDF> {
    UDF.clone()
}

/// The condition that `text` holds `part`.
pub(crate) fn icontains(text: Expr, part: &str) -> Expr {
    icontains_udf().call(vec![text, lit(part)])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IContains {
    signature: Signature,
}

impl Default for IContains {
    fn default() -> Self {
        let arguments = vec![DataType::Utf8View, DataType::Utf8];
        IContains { signature: Signature::exact(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for IContains {
    fn name(&self) -> &str {
        "icontains"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [text, ColumnarValue::Scalar(ScalarValue::Utf8(Some(part)))] = args.args.as_slice() else {
            return exec_err!("icontains: the part to look for must be a constant text");
        };
        let finder = Finder::new(part);
        let text: ArrayRef = text.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(finder.all(&text))))
    }
}

/// Looks for a part by its rarer-cased first letter: `memchr` finds candidates, the rest is compared.
struct Finder {
    /// In lower case.
    part: String,
    first: (u8, u8),
}

impl Finder {
    fn new(part: &str) -> Finder {
        let part = part.to_lowercase();
        let first = part.bytes().next().unwrap_or_default();
        Finder { first: (first, first.to_ascii_uppercase()), part }
    }

    fn all(&self, text: &ArrayRef) -> BooleanArray {
        let text = text.as_string_view();
        let mut out = BooleanBuilder::with_capacity(text.len());
        for value in text {
            out.append_option(value.map(|value| self.is_in(value)));
        }
        out.finish()
    }

    fn is_in(&self, text: &str) -> bool {
        if self.part.is_empty() {
            return true;
        }
        if !self.part.is_ascii() {
            return text.to_lowercase().contains(&self.part);
        }
        let (part, text) = (self.part.as_bytes(), text.as_bytes());
        let mut from = 0;
        while let Some(at) = memchr::memchr2(self.first.0, self.first.1, &text[from..]) {
            let start = from + at;
            match text.get(start..start + part.len()) {
                Some(found) if found.eq_ignore_ascii_case(part) => return true,
                Some(_) => from = start + 1,
                None => return false,
            }
        }
        false
    }
}
