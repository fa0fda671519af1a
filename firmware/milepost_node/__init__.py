"""The firmware of a Milepost node: samples sensors, keeps records in a spool, and sends them until the gateway has them."""
