//! Which words a filter asks for, as far as it does.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use lake::Wanted;

use crate::functions::{HAS_TOKEN, ICONTAINS};

/// What rows must hold in the columns for all the filters to keep them.
pub(super) fn of_columns(filters: &[Expr], columns: &[&str]) -> Wanted {
    filters.iter().map(|filter| of(filter, columns)).fold(Wanted::Any, Wanted::and)
}

fn of(filter: &Expr, columns: &[&str]) -> Wanted {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => of(left, columns).and(of(right, columns)),
            Operator::Or => of(left, columns).or(of(right, columns)),
            Operator::Eq if is(left, columns) => text(right).map_or(Wanted::Any, Wanted::words),
            Operator::Eq if is(right, columns) => text(left).map_or(Wanted::Any, Wanted::words),
            _ => Wanted::Any,
        },
        Expr::Like(like) if !like.negated && is(&like.expr, columns) => of_pattern(like),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let [first, second, ..] = args.as_slice() else { return Wanted::Any };
            let Some(text) = text(second).filter(|_| is(first, columns)) else { return Wanted::Any };
            match func.name() {
                HAS_TOKEN => Wanted::words(text),
                ICONTAINS | "contains" | "starts_with" | "ends_with" => Wanted::part(text),
                _ => Wanted::Any,
            }
        }
        _ => Wanted::Any,
    }
}

/// `%` and `_` cut the pattern into texts that stand somewhere.
fn of_pattern(like: &Like) -> Wanted {
    let Some(pattern) = text(&like.pattern) else { return Wanted::Any };
    let escape = like.escape_char.unwrap_or('\\');
    let mut wanted = Wanted::Any;
    let mut part = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' | '_' => wanted = wanted.and(Wanted::part(&std::mem::take(&mut part))),
            letter if letter == escape => part.extend(letters.next()),
            letter => part.push(letter),
        }
    }
    wanted.and(Wanted::part(&part))
}

fn is(expr: &Expr, names: &[&str]) -> bool {
    match expr {
        Expr::Column(column) => names.contains(&&*column.name),
        Expr::Cast(cast) if is_text(cast.field.data_type()) => is(&cast.expr, names),
        _ => false,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => ScalarValue::try_as_str(value).flatten(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;
    use crate::functions::{has_token, icontains};

    #[test]
    fn conditions_ask_for_words() {
        let words = Wanted::words;
        let cases = [
            (has_token(col("message"), "Reset"), words("reset")),
            (icontains(col("message"), "reset by peer"), words("by")),
            (icontains(col("message"), "reset"), Wanted::Any),
            (col("message").like(lit("%id=42 x%y z w_%")), words("42").and(words("z"))),
            (col("message").like(lit("%a\\_b c\\%%")), words("b c")),
            (col("message").not_like(lit("% a %")), Wanted::Any),
            (col("message").eq(lit("a b")), words("a b")),
            (lit("4bf92f35").eq(col("trace_id")), words("4bf92f35")),
            (has_token(col("service"), "reset"), Wanted::Any),
            (has_token(col("message"), "a").and(col("n").gt(lit(1))), words("a")),
            (has_token(col("message"), "a").or(col("n").gt(lit(1))), Wanted::Any),
            (has_token(col("message"), "a").or(has_token(col("message"), "b")), words("a").or(words("b"))),
            (has_token(col("message"), "a").is_not_true(), Wanted::Any),
        ];
        for (condition, expected) in cases {
            let wanted = of_columns(std::slice::from_ref(&condition), &["message", "trace_id"]);
            assert_eq!(wanted, expected, "{condition}");
        }
    }
}
