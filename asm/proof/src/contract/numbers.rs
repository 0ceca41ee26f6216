//! What the kernels for verification promise: numbers of several words, exactly, and modulo a prime.

use iced_x86::Mnemonic;
use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::{Effort, Proof};
use crate::forms::{Form, Ledger, power};
use crate::integers::{Access, Area, State, Value, run};
use crate::machine::Failure;

const RDX: usize = 2;
const RSI: usize = 6;
const RDI: usize = 7;

/// P-384's prime.
fn prime() -> BigInt {
    power(384) - power(128) - power(96) + power(32) - 1
}

/// A number of words without a value, below a limit if there is one: the words and the number.
fn unknown(
    ledger: &mut Ledger,
    words: usize,
    limit: Option<&BigInt>,
) -> (Vec<Option<Value>>, Form) {
    let range = (BigInt::zero(), power(64) - 1);
    let (mut values, mut number) = (Vec::new(), Form::default());
    for n in 0..words {
        let word = Form::symbol(ledger.fresh(range.clone()));
        number.add(&word, &power(64 * n as u32));
        values.push(Some(Value::Integer(word, range.clone())));
    }
    if let Some(limit) = limit {
        ledger.set_number(number.clone(), limit - 1);
    }
    (values, number)
}

/// The number in an area.
fn number(area: &Area) -> Result<Form, Failure> {
    let mut number = Form::default();
    for (n, word) in (0..).zip(&area.words) {
        match word {
            Some(Value::Integer(form, _)) => number.add(form, &power(64 * n)),
            other => return Err(format!("word {n} of {} is {other:?}", area.name)),
        }
    }
    Ok(number)
}

/// Which arguments are one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Same {
    None,
    OutA,
    OutB,
    AB,
    All,
}

impl Proof<'_> {
    /// The functions modulo P-384's prime.
    pub(super) fn p384(&mut self, effort: Effort) -> Result<(), Failure> {
        let is_binary = matches!(&*self.kernel.body, "mul" | "add" | "sub");
        let places: &[Same] = if is_binary {
            &[Same::None, Same::OutA, Same::OutB, Same::AB, Same::All]
        } else {
            &[Same::None, Same::OutA]
        };
        let places = if effort == Effort::Proof { places } else { &places[..1] };
        for &same in places {
            self.p384_at(same).map_err(|why| format!("{}, {same:?}: {why}", self.kernel.name()))?;
        }
        Ok(())
    }

    fn p384_at(&mut self, same: Same) -> Result<(), Failure> {
        let (mut ledger, p) = (Ledger::default(), prime());
        let body = &*self.kernel.body;
        let (a_words, a) = unknown(&mut ledger, 6, Some(&p));
        let (b_words, b) = if matches!(same, Same::AB | Same::All) || matches!(body, "sqr" | "half")
        {
            (a_words.clone(), a.clone())
        } else {
            unknown(&mut ledger, 6, Some(&p))
        };
        // 2^shift * out is congruent to this, and what is borrowed is only dropped where it is zero.
        use Mnemonic::{Adox, Sbb};
        let (shift, wanted, dropped): (u32, _, [&[(Mnemonic, usize)]; 2]) = match body {
            "mul" | "sqr" => {
                let product = a.product(&b).ok_or("a product of more than two unknowns")?;
                ledger.set_number(product.clone(), (&p - 1) * (&p - 1));
                let both: &[_] = if body == "mul" { &[(Sbb, 12)] } else { &[(Adox, 4), (Sbb, 12)] };
                (384, product, [both; 2])
            }
            "add" => (0, a.clone().plus(&b, 1), [&[], &[]]),
            "sub" => (0, a.clone().plus(&b, -1), [&[], &[(Sbb, 1)]]),
            "half" => (1, a.clone(), [&[], &[]]),
            _ => return Err("no contract".to_owned()),
        };
        ledger.set_wanted(wanted);
        // Of the words that the prime is taken from; a difference has none on top.
        let words = if body == "sub" { 6 } else { 7 };
        // A number less itself is nothing, in one case.
        let cases = if body == "sub" && matches!(same, Same::AB | Same::All) { 1 } else { 2 };
        let out = vec![None; 6];
        let mut areas = match same {
            Same::OutA | Same::All => vec![Area::new("out and a", Access::WriteOnce, a_words)],
            _ => vec![
                Area::new("out", Access::WriteOnce, out),
                Area::new("a", Access::Read, a_words),
            ],
        };
        let out_at = 0;
        let a_at = areas.len() - 1;
        let b_at = match same {
            Same::All | Same::AB => a_at,
            Same::OutB => {
                areas[0] = Area::new("out and b", Access::WriteOnce, b_words);
                out_at
            }
            Same::None | Same::OutA => {
                areas.push(Area::new("b", Access::Read, b_words));
                areas.len() - 1
            }
        };
        let mut state = State::new(areas, ledger);
        state.general[RDI] = Value::Pointer(out_at, 0);
        state.general[RSI] = Value::Pointer(a_at, 0);
        if !matches!(body, "sqr" | "half") {
            state.general[RDX] = Value::Pointer(b_at, 0);
        }
        self.proved.runs += 1;
        let ends = run(&self.program, state, &mut self.proved.steps)?;
        if ends.len() != cases {
            return Err(format!("{} cases, not {cases}", ends.len()));
        }
        for (case, (end, dropped)) in ends.iter().zip(dropped).enumerate() {
            let why = |why: &str| format!("case {case}: {why}");
            if end.dropped_by_maker() != dropped {
                let were = end.dropped_by_maker();
                return Err(why(&format!(
                    "drops the carries {were:?}, and the contract lists {dropped:?}"
                )));
            }
            let out = number(&end.areas[out_at]).map_err(|error| why(&error))?;
            let (exact, bits) = end.ledger.uncut(&out);
            let difference = exact.times(&power(shift)).plus(end.ledger.wanted(), -power(bits));
            // What is left of it has to be nothing: words and carries above the result's words.
            let left = difference.without_multiples(&p);
            let left = left.shifted(left.trailing_zeros()).expect("so many zeroes");
            let (one, less) = (BigInt::one(), left.times(&BigInt::from(-1)));
            if !end.ledger.is_below_here(&left, &one, 1)
                || !end.ledger.is_below_here(&less, &one, 1)
            {
                return Err(why("the result is another one"));
            }
            if !end.ledger.is_below_here(&out, &p, words) {
                return Err(why("the result may not be below the prime"));
            }
        }
        Ok(())
    }

    /// sum + a * b modulo 2^1088, where a and b are numbers of 8 words, or one, and the sum has 17 and is in its own place.
    pub(super) fn rsa(&mut self) -> Result<(), Failure> {
        for is_square in [false, true] {
            let why = |why| {
                format!(
                    "{}, {}: {why}",
                    self.kernel.name(),
                    ["a * b", "a * a"][usize::from(is_square)]
                )
            };
            let mut ledger = Ledger::default();
            let (sum_words, sum) = unknown(&mut ledger, 17, None);
            let (a_words, a) = unknown(&mut ledger, 8, None);
            let (b_words, b) = if is_square {
                (a_words.clone(), a.clone())
            } else {
                unknown(&mut ledger, 8, None)
            };
            let product = a.product(&b).ok_or("a product of more than two unknowns")?;
            ledger.set_wanted(sum.plus(&product, 1));
            let areas = vec![
                Area::new("sum", Access::WriteOnce, sum_words),
                Area::new("a", Access::Read, a_words),
                Area::new("b", Access::Read, b_words),
            ];
            let mut state = State::new(areas, ledger);
            state.may_lose_last = true;
            state.general[RDI] = Value::Pointer(0, 0);
            state.general[RSI] = Value::Pointer(1, 0);
            state.general[RDX] = Value::Pointer(if is_square { 1 } else { 2 }, 0);
            self.proved.runs += 1;
            let ends = run(&self.program, state, &mut self.proved.steps).map_err(why)?;
            let [end] = &ends[..] else { return Err(why("cases".to_owned())) };
            let dropped = [(Mnemonic::Adox, 8)];
            if end.dropped_by_maker() != dropped {
                let were = end.dropped_by_maker();
                return Err(why(format!(
                    "drops the carries {were:?}, and the contract lists {dropped:?}"
                )));
            }
            let result = number(&end.areas[0]).map_err(why)?;
            let (exact, bits) = end.ledger.uncut(&result);
            let difference = exact.plus(end.ledger.wanted(), -power(bits));
            // Whole multiples of what is above the words: only the last carry is such.
            if difference.without_multiples(&power(1088 + bits)) != Form::default() {
                return Err(why("the result is another one".to_owned()));
            }
        }
        Ok(())
    }
}
