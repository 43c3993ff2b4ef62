"""record-bot: control of Genesys Cloud CX call recordings from Slack, with an audit trail."""
