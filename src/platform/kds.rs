//! What AMD's Key Distribution Service answers, for the platforms of a test CA.
